// A command that failed, as the fault that the operator reads.
import { constants } from 'node:os'
import type { CommandResult } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { lastLines } from '../core/output.ts'
import { duration } from '../core/words.ts'

export type CommandName = 'check_cmd' | 'group_check_cmd' | 'reload_cmd' | 'verify_cmd'

export const succeeded = (result: CommandResult): boolean =>
  result.exitCode === 0 && !result.timedOut

/** Stands for the output of a command of a resource with `sensitive = true`. */
const MASKED = '[not shown: the resource is sensitive]'

/** A result as events carry it. */
export const shownResult = (result: CommandResult, sensitive = false): CommandResult =>
  sensitive && result.output !== '' ? { ...result, output: MASKED } : result

interface FaultOptions {
  /** The output is not shown. */
  readonly sensitive?: boolean | undefined
  /** The destination of the file that the command checked. */
  readonly dest?: string
}

/** How it ended and what to do, with the last lines that it printed. */
export function commandFault(
  what: CommandName,
  command: string,
  result: CommandResult,
  { sensitive = false, dest }: FaultOptions = {},
): Fault {
  const lines = lastLines(shownResult(result, sensitive).output)
  return {
    kind: 'command',
    message: `${what} ${ending(result)}: ${command}`,
    hint: advice(what, result).replace('The destination', dest ?? 'The destination'),
    ...(lines.length === 0 ? {} : { frame: lines.map((line) => `  | ${line}`).join('\n') }),
  }
}

function ending(result: CommandResult): string {
  if (result.timedOut)
    return `ran into its timeout and was ended after ${duration(result.duration)}`
  if (result.signal !== null) return `was ended by ${result.signal}`
  if (result.exitCode === null) return 'could not be started'
  return `failed with exit code ${result.exitCode}${signalAs(result.exitCode)}`
}

/** Shells report the end by signal n as the exit code 128+n. */
function signalAs(exitCode: number): string {
  const [name] = Object.entries(constants.signals).find(([, n]) => n === exitCode - 128) ?? []
  return name === undefined ? '' : ` (${name})`
}

/** How its failure leaves the files, and what to do when it is the command that found something. */
const AFTER: Readonly<Record<CommandName, readonly [state: string, advice: string]>> = {
  check_cmd: [
    'The destination was left as it was',
    'Correct the keys or the template; -keep-stage-file leaves the refused file to look at.',
  ],
  group_check_cmd: ['Every file was put back', 'Correct the keys or the templates.'],
  reload_cmd: [
    'The file is in place, and the program has not loaded it',
    'Run the command by hand to see why it fails.',
  ],
  verify_cmd: [
    'The reload has run, but it counts only when the program is found well after it',
    'Run the command by hand, and look at the log of the program.',
  ],
}

function advice(what: CommandName, result: CommandResult): string {
  const [after, otherwise] = AFTER[what]
  if (result.timedOut) return `${after}. See why it hangs, or give it more time.`
  if (result.exitCode === 127)
    return `${after}. A program was not found: see PATH or name it in full.`
  if (result.exitCode === 126)
    return `${after}. A program is not executable: see its mode (chmod +x).`
  if (result.output.trim() === '')
    return `${after}. It printed nothing: does a flag such as -q keep it silent? ${otherwise}`
  return `${after}. ${otherwise}`
}
