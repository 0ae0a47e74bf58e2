// The commands of a block, and what each of them is expected to do.
import { spawnSync } from 'node:child_process'
import { parse } from 'yaml'
import { noteIn, type Block } from './markdown.ts'

export interface Expected {
  readonly exit: number
  /** Pieces of text that it says. */
  readonly says: readonly string[]
  /** Run again until it does as expected: for a question whose answer takes a moment to come true. */
  readonly eventually: boolean
  /** Stays in its terminal while the page goes on: it counts as begun once it has said its `says`. */
  readonly background: boolean
  /** Why it is not run. */
  readonly notRun?: string
}

export interface Command {
  /** One complete command for the shell, here-documents and continued lines included. */
  readonly text: string
  /** In the page, counted from 1. */
  readonly line: number
  readonly expected: Expected
  /** What the page shows of its output, in a `console` block. */
  readonly shown: string
}

const asUsual: Expected = { exit: 0, says: [], eventually: false, background: false }

/** The languages whose blocks are commands. */
export const shellLanguages: ReadonlySet<string> = new Set([
  'sh',
  'bash',
  'shell',
  'console',
  'zsh',
])

/** What of a block is run: all of a shell's, and of YAML with a note `runs` the steps of a pipeline. */
export function commandsOf(page: string, block: Block): Command[] {
  const steps = noteIn(block, 'runs')
  if (steps === undefined && !shellLanguages.has(block.language)) return []
  const reason = noteIn(block, 'not run')
  const commands =
    steps !== undefined
      ? stepsOf(parse(block.text)).map((text) => ({ text, line: block.line, shown: '' }))
      : block.language === 'console'
        ? sessionOf(block)
        : splitShell(block.text, block.line)
  const expectations = reason === undefined ? expectationsOf(page, block) : []
  const found = commands.map((command) => {
    const at = expectations.findIndex(({ start }) => command.text.startsWith(start))
    const expected = at < 0 ? asUsual : (expectations.splice(at, 1)[0]?.expected ?? asUsual)
    return {
      ...command,
      expected: reason === undefined ? expected : { ...expected, notRun: reason },
    }
  })
  const [left] = expectations
  if (left !== undefined) {
    throw new Error(`${page}:${block.line}: no command here begins with "${left.start}"`)
  }
  return found
}

type Bare = Omit<Command, 'expected'>

/** Takes lines together until the shell finds the command complete. */
export function splitShell(text: string, firstLine: number): Bare[] {
  const commands: Bare[] = []
  let pending: string[] = []
  for (const [n, line] of text.split('\n').entries()) {
    if (pending.length === 0 && /^\s*(#.*)?$/.test(line)) continue
    pending.push(line)
    const command = pending.join('\n')
    if (line.endsWith('\\') || !isComplete(command)) continue
    commands.push({ text: command, line: firstLine + n + 1 - pending.length, shown: '' })
    pending = []
  }
  if (pending.length > 0) throw new Error(`the shell cannot read this: ${pending.join('\n')}`)
  return commands
}

function isComplete(command: string): boolean {
  // Most are seen to be without asking a shell: one word after the other, and nothing opened.
  if (
    /^[^\n'"`\\<({|&;]*( &)?$/.test(command) &&
    !/^(if|for|while|until|case|select) /.test(command)
  )
    return true
  const { status, stderr } = spawnSync('bash', ['-n'], { input: command, encoding: 'utf8' })
  // A here-document without its end is only warned of.
  return status === 0 && stderr === ''
}

/** `$ command`, and below it what it says. */
function sessionOf(block: Block): Bare[] {
  const commands: Bare[] = []
  for (const [n, line] of block.text.split('\n').entries()) {
    const last = commands.at(-1)
    if (line.startsWith('$ ')) {
      commands.push({ text: line.slice(2), line: block.line + n, shown: '' })
    } else if (last !== undefined) {
      commands[commands.length - 1] = { ...last, shown: `${last.shown}${line}\n` }
    }
  }
  return commands
}

/** What GitHub's `run:` and GitLab's `script:` hold, in order. */
function stepsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(stepsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inside]) => {
    if (name === 'run') return [String(inside)]
    if (name === 'script' && Array.isArray(inside)) return inside.map(String)
    return stepsOf(inside)
  })
}

/** The note `expect`: a line for a command, `BEGINNING => exit N; says TEXT; eventually; ...`. */
function expectationsOf(page: string, block: Block): { start: string; expected: Expected }[] {
  return (noteIn(block, 'expect') ?? '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [start = '', what] = line.split(/ => /, 2)
      const problem = `${page}:${block.line}: a note cannot be understood: ${line}`
      if (what === undefined) throw new Error(problem)
      const says: string[] = []
      const expected = { ...asUsual, says } as { -readonly [K in keyof Expected]: Expected[K] }
      for (const item of what.split('; ')) {
        const [, word = '', rest = ''] =
          /^(exit|says|not run:|eventually|background)(?: (.*))?$/.exec(item) ?? []
        if (word === 'exit') expected.exit = Number(rest)
        else if (word === 'says') says.push(rest)
        else if (word === 'not run:') expected.notRun = rest
        else if (word === 'eventually' || word === 'background') expected[word] = true
        else throw new Error(problem)
      }
      return { start: start.trim(), expected }
    })
}
