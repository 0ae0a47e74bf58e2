// Runs a trial: applies output_format and check_cmd to files without placing them. The files are staged in a private
// folder, which is removed afterwards. Nothing else is changed.
import { basename, join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { NEW_FILE_MODE, type Target } from '../core/plan.ts'
import type { TemplateSpec } from '../core/resource.ts'
import { privateFolder, type PrivateFolder } from '../system/temporary.ts'
import { Checks } from './check.ts'
import { checkFormat } from './format.ts'
import { observe } from './observe.ts'
import { stage } from './stage.ts'

export interface TriedFile {
  /** Name of the resource, for events. */
  readonly resource: string
  /** The settings of the template. Their `dest` is the path of this file, even for a for_each template. */
  readonly spec: TemplateSpec
  readonly bytes: Uint8Array
}

export interface TrialFailed {
  readonly resource: string
  readonly fault: Fault
}

/** @returns the first failure; undefined if all files pass */
export async function tryFiles(
  files: readonly TriedFile[],
  emit: Emit,
): Promise<TrialFailed | undefined> {
  let folder: PrivateFolder
  try {
    folder = privateFolder(0o711)
  } catch (error) {
    const hint = 'set TMPDIR to a folder in which reconfd can create folders'
    const fault = ioFault('cannot create a folder for trials', error, hint)
    return files[0] && { resource: files[0].resource, fault }
  }
  try {
    let resource = ''
    const checks = new Checks(({ dest }, { command, result }) =>
      emit({ kind: 'checked', resource, dest, command, result }),
    )
    for (const file of files) {
      ;({ resource } = file)
      const fault = await tryFile(file, folder.path, checks)
      if (fault !== undefined) return { resource, fault }
    }
    return undefined
  } finally {
    folder.remove()
  }
}

async function tryFile(
  { spec, bytes }: TriedFile,
  folder: string,
  checks: Checks,
): Promise<Fault | undefined> {
  const wrong = await checkFormat(spec, bytes)
  if (wrong !== undefined || spec.checkCmd === undefined) return wrong
  const dest = join(folder, basename(spec.dest))
  const staged = stage({ dest }, await targetOf(spec, bytes))
  if (!staged.ok) return staged.error
  try {
    return await checks.check(spec, staged.value)
  } finally {
    await staged.value.release()
  }
}

/** Adds the mode and, for root, the owner that the placed file would have, because a check may depend on them. */
async function targetOf(spec: TemplateSpec, bytes: Uint8Array): Promise<Target> {
  const observed = await observe(spec.dest, { ...spec, desired: spec })
  const there = observed.kind === 'file' ? observed : undefined
  const mode = spec.mode ?? there?.mode ?? (observed.kind === 'absent' ? NEW_FILE_MODE : 0o600)
  if (process.geteuid?.() !== 0) return { bytes, mode }
  const [uid, gid] = [spec.uid ?? there?.uid, spec.gid ?? there?.gid]
  return {
    bytes,
    mode,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  }
}
