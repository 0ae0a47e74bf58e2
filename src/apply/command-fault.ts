// A command that failed, as the fault that the operator reads.
import type { CommandResult } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { lastLines } from '../core/output.ts'

export type CommandName = 'check_cmd' | 'reload_cmd'

export const succeeded = (result: CommandResult): boolean =>
  result.exitCode === 0 && !result.timedOut

/** How it ended and what to do, with the last lines that it printed. */
export function commandFault(what: CommandName, command: string, result: CommandResult): Fault {
  const lines = lastLines(result.output)
  return {
    kind: 'command',
    message: `${what} ${ending(result)}: ${command}`,
    hint: advice(what, result),
    ...(lines.length === 0 ? {} : { frame: lines.map((line) => `  | ${line}`).join('\n') }),
  }
}

function ending(result: CommandResult): string {
  if (result.timedOut) return `ran into its timeout and was ended after ${seconds(result.duration)}`
  if (result.signal !== null) return `was ended by ${result.signal}`
  if (result.exitCode === null) return 'could not be started'
  return `failed with exit code ${result.exitCode}`
}

function advice(what: CommandName, result: CommandResult): string {
  const after =
    what === 'check_cmd'
      ? 'The destination was left as it was'
      : 'The file is in place and the reload stays owed until it succeeds'
  if (result.timedOut) return `${after}. See why it hangs, or give it more time.`
  if (result.exitCode === 127)
    return `${after}. A program was not found: see PATH or name it in full.`
  if (result.exitCode === 126)
    return `${after}. A program is not executable: see its mode (chmod +x).`
  return what === 'check_cmd'
    ? `${after}. Correct the keys or the template; -keep-stage-file leaves the refused file to look at.`
    : `${after}. Run the command by hand to see why it fails.`
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
