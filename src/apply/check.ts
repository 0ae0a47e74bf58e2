// Runs check_cmd on a staged file and verifies that the command did not change the file. Runs group_check_cmd on the
// files in place.
import { closeSync, fstatSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expandCommand, namesFile } from '../core/command.ts'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { CommandResult } from '../core/event.ts'
import { attempt, type Fault } from '../core/fault.ts'
import type { TimedCommand, TemplateSpec } from '../core/resource.ts'
import { commandFault, succeeded } from './command-fault.ts'
import { runCommand, shownResult } from './command.ts'
import { foreignTo } from '../system/place.ts'
import { copyApart } from './stage.ts'
import type { Staged } from './staged.ts'

export interface Checked {
  /** The command as configured, with {{.src}}, because the path of the staged file does not exist after the check. */
  readonly command: string
  /** With masked output if the resource is sensitive. */
  readonly result: CommandResult
  readonly fault?: Fault
}

/** Runs the check_cmds of several files, one after the other. */
export class Checks {
  /** Commands without {{.src}} and {{.dest}} that have already run. They do not run again for other files. */
  readonly #passed = new Set<string>()

  constructor(private readonly report: (spec: TemplateSpec, checked: Checked) => void) {}

  /** @returns the reason to refuse the file; undefined if it passes or has no check_cmd */
  async check(spec: TemplateSpec, staged: Staged): Promise<Fault | undefined> {
    const { checkCmd } = spec
    if (checkCmd === undefined || this.#passed.has(checkCmd)) return undefined
    if (!namesFile(checkCmd)) {
      this.#passed.add(checkCmd)
      return this.#run(spec, staged)
    }
    // The owner of a foreign folder could replace the file before the command reads it, so the command gets a copy.
    if (staged.isInPlace || foreignTo(staged.place) === undefined) return this.#run(spec, staged)
    let copy: Staged | undefined
    try {
      copy = copyApart(staged)
      return await this.#run(spec, copy)
    } catch (error) {
      return ioFault(`cannot copy ${spec.dest} for its check`, error)
    } finally {
      await copy?.release()
    }
  }

  async #run(spec: TemplateSpec, staged: Staged): Promise<Fault | undefined> {
    const { checkCmd = '', dest, forEach, checkTimeout: timeout, sensitive } = spec
    const paths = { src: staged.path, dest, fromStore: forEach !== undefined }
    const expanded = attempt(() => expandCommand(checkCmd, paths))
    if (!expanded.ok) return expanded.error
    const result = withoutPath(await runCommand(expanded.value, { timeout }), staged.path)
    const fault = succeeded(result)
      ? tampered(spec, staged)
      : commandFault('check_cmd', checkCmd, result, { sensitive, dest })
    this.report(spec, {
      command: checkCmd,
      result: shownResult(result, sensitive),
      ...(fault === undefined ? {} : { fault }),
    })
    return fault
  }
}

/** In the output, replaces the path of the staged file with `{{.src}}`. */
const withoutPath = (result: CommandResult, path: string): CommandResult => ({
  ...result,
  output: result.output.replaceAll(path, '{{.src}}').replaceAll(basename(path), '{{.src}}'),
})

/**
 * Runs a group_check_cmd, which has no placeholders, on the files in place. If it fails, the caller restores the
 * previous files.
 */
export async function groupCheck({ command, timeout, sensitive }: TimedCommand): Promise<Checked> {
  const result = await runCommand(command, { timeout })
  const shown = shownResult(result, sensitive)
  if (succeeded(result)) return { command, result: shown }
  const fault = commandFault('group_check_cmd', command, result, { sensitive })
  return { command, result: shown, fault }
}

/** Returns a fault if the command deleted, replaced or altered the file, and so did not check the planned content. */
function tampered(spec: TemplateSpec, staged: Staged): Fault | undefined {
  const changed = (how: string): Fault => ({
    kind: 'command',
    message: `check_cmd ${how} the staged file of ${spec.dest}`,
    hint: 'let the check work on a copy of {{.src}}',
  })
  try {
    const fd = staged.openByName()
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
    return ioFault(`cannot read the staged file of ${spec.dest}`, error)
  }
}
