// The commands of a block, and their expected results.
import { spawnSync } from 'node:child_process'
import { parse } from 'yaml'
import { noteIn, type Block } from './markdown.ts'

export interface Expected {
  readonly exit: number
  /** Strings that the output must contain. */
  readonly says: readonly string[]
  /** Whether to repeat the command until its result is as expected, for a state that takes a moment to reach. */
  readonly eventually: boolean
  /** Whether the command keeps running beside later commands. It counts as started once it has printed `says`. */
  readonly background: boolean
  /** The reason why the command is not run. */
  readonly notRun?: string
}

export interface Command {
  /** One complete shell command, including here-documents and continued lines. */
  readonly text: string
  /** Line number in the page, from 1. */
  readonly line: number
  readonly expected: Expected
  /** The output that a `console` block shows below the command. */
  readonly shown: string
}

const asUsual: Expected = { exit: 0, says: [], eventually: false, background: false }

/** The languages of blocks that contain shell commands. */
export const shellLanguages: ReadonlySet<string> = new Set([
  'sh',
  'bash',
  'shell',
  'console',
  'zsh',
])

/**
 * Returns the commands of a block: all lines of a shell block, or the pipeline steps of a YAML block with the note
 * `runs`.
 */
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

/** Splits shell code into commands. Joins lines until a command is complete. Throws if the last one is incomplete. */
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
  // Most commands can be checked without a shell: plain words contain nothing that must be closed, such as a quote.
  if (
    /^[^\n'"`\\<({|&;]*( &)?$/.test(command) &&
    !/^(if|for|while|until|case|select) /.test(command)
  )
    return true
  const { status, stderr } = spawnSync('bash', ['-n'], { input: command, encoding: 'utf8' })
  // bash only prints a warning about an unterminated here-document.
  return status === 0 && stderr === ''
}

/** Returns the commands of a session: `$ command`, followed by its output. */
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

/** Returns the commands of `run:` (GitHub) and `script:` (GitLab), in order. */
function stepsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(stepsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inside]) => {
    if (name === 'run') return [String(inside)]
    if (name === 'script' && Array.isArray(inside)) return inside.map(String)
    return stepsOf(inside)
  })
}

/** Parses the note `expect`, one line per command: `BEGINNING => exit N; says TEXT; eventually; ...`. */
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
