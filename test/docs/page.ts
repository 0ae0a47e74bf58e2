// Follows a page as a reader would: sets up what the page takes for granted, runs every command from top to bottom,
// writes the files that the page shows, and compares each output with the one on the page.
import { until } from '../support/until.ts'
import { commandsOf, splitShell, type Command } from './commands.ts'
import { noteIn, partsOf, type Block } from './markdown.ts'
import type { Outcome, Sandbox } from './sandbox.ts'
import { missingIn } from './shown.ts'

/** Returns the problem with an outcome, or undefined if the outcome is as expected. */
type Judge = (outcome: Outcome) => string | undefined

export class Reading {
  /** The output of each command that has run, the newest last. */
  readonly #said: { text: string; said: string }[] = []
  #inTerminal = false

  constructor(
    readonly page: string,
    readonly text: string,
    readonly sandbox: Sandbox,
  ) {}

  /** Runs the whole page. Rejects at the first problem, with `page:line: problem` and the output. */
  async all(): Promise<void> {
    for (const part of partsOf(this.page, this.text)) {
      if ('block' in part) {
        await this.#block(part.block)
        continue
      }
      const { kind, text, line } = part.hidden
      for (const command of splitShell(text, line)) {
        const judge: Judge = ({ exit }) =>
          exit === 0 ? undefined : `the ${kind} ended with ${exit}: ${command.text}`
        if (kind === 'check') await this.#eventually(line, command.text, judge)
        else await this.#judged(line, await this.sandbox.run(command.text), judge)
      }
    }
  }

  async #block(block: Block): Promise<void> {
    for (const command of commandsOf(this.page, block)) {
      if (command.expected.notRun !== undefined) continue
      if (command.expected.background) await this.#background(command)
      else await this.#command(command)
    }
    const { line, text } = block
    const file = noteIn(block, 'file')
    if (file !== undefined) {
      const end = `END of ${file}`
      await this.sandbox.run(
        `mkdir -p "$(dirname ${file})"; cat >${file} <<'${end}'\n${text}\n${end}`,
      )
    }
    const shows: Judge = ({ said }) => missingLine(said, text)
    const question = noteIn(block, 'output of')
    if (question !== undefined) {
      const before = this.#said.findLast((command) => command.text.startsWith(question))
      const said = before?.said ?? `no command before begins with ${question}`
      await this.#judged(line, { exit: 0, said }, shows)
    }
    const log = noteIn(block, 'lines of')
    if (log !== undefined) await this.#eventually(line, `cat ${log}`, shows)
  }

  async #command({ text, line, expected, shown }: Command): Promise<void> {
    const judge: Judge = ({ exit, said }) => {
      if (exit !== expected.exit) return `exit code ${exit} instead of ${expected.exit}: ${text}`
      return unsaid(said, expected.says) ?? missingLine(said, shown)
    }
    const outcome = expected.eventually
      ? await this.#eventually(line, text, judge)
      : await this.sandbox.run(text)
    this.#said.push({ text, said: outcome.said })
    await this.#judged(line, outcome, judge)
  }

  async #judged(line: number, outcome: Outcome, judge: Judge): Promise<void> {
    const problem = judge(outcome)
    if (problem !== undefined) await this.#fail(line, problem, outcome.said)
  }

  /** Runs a command in a second terminal, after stopping the program that was running there. */
  async #background({ text, line, expected }: Command): Promise<void> {
    const end = this.#inTerminal ? 'kill -- -$terminal; wait $terminal; ' : ''
    await this.sandbox.run(`${end}{ ${text}\n} >~/terminal 2>&1 & terminal=$!`)
    this.#inTerminal = true
    await this.#eventually(line, 'cat ~/terminal', ({ said }) => unsaid(said, expected.says))
  }

  /** Repeats a command until its outcome is as expected, and returns that outcome. Rejects after a timeout. */
  async #eventually(line: number, question: string, judge: Judge): Promise<Outcome> {
    let last: Outcome = { exit: 0, said: '' }
    const ask = async (): Promise<boolean> =>
      judge((last = await this.sandbox.run(question))) === undefined
    try {
      await until(question, ask, { every: 50 })
    } catch (error) {
      await this.#fail(line, judge(last) ?? String(error), last.said)
    }
    return last
  }

  async #fail(line: number, problem: string, said: string): Promise<never> {
    const terminal = this.#inTerminal ? (await this.sandbox.run('cat ~/terminal')).said : ''
    const all = terminal === '' ? said : `${said}\nin the other terminal:\n${terminal}`
    throw new Error(`${this.page}:${line}: ${problem}\n${all.replace(/^(?=.)/gm, '    ')}`)
  }
}

function unsaid(said: string, pieces: readonly string[]): string | undefined {
  const piece = pieces.find((wanted) => !said.includes(wanted))
  return piece === undefined ? undefined : `it does not say "${piece}"`
}

function missingLine(said: string, shown: string): string | undefined {
  const line = missingIn(said, shown)
  return line === undefined ? undefined : `it does not say, or not in this order: ${line.trim()}`
}
