// Converts the failure of a command to a fault.
import { constants } from 'node:os'
import type { CommandResult } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { lastLines } from '../core/output.ts'
import { duration } from '../core/words.ts'
import { withoutSecrets } from '../system/secrets.ts'

export type CommandName = 'check_cmd' | 'group_check_cmd' | 'reload_cmd' | 'verify_cmd'

export const succeeded = (result: CommandResult): boolean =>
  result.exitCode === 0 && !result.timedOut

/** Replaces the output if the resource has `sensitive = true`. */
const MASKED = '[not shown: the resource is sensitive]'

/** Returns the result for events. The output is masked if the resource is sensitive. */
export const shownResult = (result: CommandResult, sensitive = false): CommandResult =>
  sensitive && result.output !== '' ? { ...result, output: MASKED } : result

interface FaultOptions {
  /** Whether the output is hidden. */
  readonly sensitive?: boolean | undefined
  /** The destination of the checked file. */
  readonly dest?: string
}

/** Returns a fault with the exit status, a hint, and the last lines of the output. */
export function commandFault(
  what: CommandName,
  command: string,
  result: CommandResult,
  { sensitive = false, dest }: FaultOptions = {},
): Fault {
  const lines = lastLines(withoutSecrets(shownResult(result, sensitive).output))
  return {
    kind: 'command',
    message: `${what} ${ending(result)}: ${command}`,
    hint: advice(what, result, dest),
    ...(lines.length === 0 ? {} : { frame: lines.map((line) => `  | ${line}`).join('\n') }),
  }
}

function ending(result: CommandResult): string {
  if (result.timedOut) return `timed out after ${duration(result.duration)}`
  if (result.signal !== null) return `was killed by ${result.signal}`
  if (result.exitCode === null) return 'could not be started'
  return `failed with exit code ${result.exitCode}${signalAs(result.exitCode)}`
}

/** Shells report termination by signal n as exit code 128+n. */
function signalAs(exitCode: number): string {
  const [name] = Object.entries(constants.signals).find(([, n]) => n === exitCode - 128) ?? []
  return name === undefined ? '' : ` (${name})`
}

/** The state after a failure, and advice for the case that the command ran and reported a problem. */
const AFTER: Readonly<Record<CommandName, readonly [state: string, advice: string]>> = {
  check_cmd: [
    'the destination is unchanged',
    'correct the keys or the template; to inspect the refused file, add -keep-stage-file',
  ],
  group_check_cmd: ['all files were restored', 'correct the keys or the templates'],
  reload_cmd: [
    'the file is in place, but the program has not loaded it',
    'run the command by hand to see why it fails',
  ],
  verify_cmd: [
    'the reload succeeded, but the program is not healthy afterwards',
    'run the command by hand, and read the log of the program',
  ],
}

function advice(what: CommandName, result: CommandResult, dest: string | undefined): string {
  const [state, otherwise] = AFTER[what]
  const after = what === 'check_cmd' && dest !== undefined ? `${dest} is unchanged` : state
  if (result.timedOut) return `${after}; find out why the command hangs, or raise its timeout`
  if (result.exitCode === 127)
    return `${after}; a program was not found: check PATH, or use its full path`
  if (result.exitCode === 126)
    return `${after}; a program is not executable: check its mode (chmod +x)`
  if (result.output.trim() === '')
    return `${after}; the command printed nothing: check whether a flag such as -q silences it; ${otherwise}`
  return `${after}; ${otherwise}`
}
