// Check: the resource's own check_cmd on the staged file, and whether it left the file alone; and the
// check of a group, on the files in their final places.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { expandCommand } from '../core/command.ts'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { CommandResult } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Command, TemplateSpec } from '../core/resource.ts'
import { commandFault, succeeded } from './command-fault.ts'
import { runCommand } from './command.ts'
import type { Staged } from './stage.ts'

export interface Checked {
  /** As it was run. */
  readonly command: string
  readonly result: CommandResult
  readonly fault?: Fault
}

/** check_cmd with `{{.src}}` as the staged file; undefined when there is none. */
export const checkCommand = (
  { checkCmd, dest }: TemplateSpec,
  { path }: Staged,
): string | undefined =>
  checkCmd === undefined ? undefined : expandCommand(checkCmd, { src: path, dest })

/** Runs a check of a staged file. */
export async function check(
  command: string,
  spec: TemplateSpec,
  staged: Staged,
  signal?: AbortSignal,
): Promise<Checked> {
  const result = await runCommand(command, {
    timeout: spec.checkTimeout,
    ...(signal === undefined ? {} : { signal }),
  })
  const fault = succeeded(result)
    ? tampered(spec, staged)
    : commandFault('check_cmd', command, result)
  return { command, result, ...(fault === undefined ? {} : { fault }) }
}

/**
 * Runs a group_check_cmd, when the files are in their final places; it has no placeholders. When it
 * fails it is for the caller to put the files back.
 */
export async function groupCheck(
  { command, timeout }: Command,
  signal?: AbortSignal,
): Promise<Checked> {
  const result = await runCommand(command, { timeout, ...(signal === undefined ? {} : { signal }) })
  if (succeeded(result)) return { command, result }
  return { command, result, fault: commandFault('group_check_cmd', command, result) }
}

/** A fault when the command deleted, replaced or altered the file: what it approved is not what we planned. */
function tampered(spec: TemplateSpec, staged: Staged): Fault | undefined {
  const changed = (how: string): Fault => ({
    kind: 'command',
    message: `check_cmd ${how} the staged file ${staged.path} of ${spec.dest}`,
    hint: 'A check must leave {{.src}} as it is; let it work on a copy.',
  })
  try {
    const fd = openSync(staged.path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const [there, ours] = [fstatSync(fd), fstatSync(staged.fd)]
      if (there.ino !== ours.ino || there.dev !== ours.dev) return changed('replaced')
      const same = Buffer.compare(readFileSync(fd), staged.next.bytes) === 0
      return same ? undefined : changed('altered')
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return changed('deleted')
    if (errnoOf(error) === 'ELOOP') return changed('replaced')
    return ioFault(`cannot read the staged file ${staged.path}`, error)
  }
}
