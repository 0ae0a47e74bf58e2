// A trial: output_format and check_cmd on files that are not put in place. They are staged in a private
// folder that is gone afterwards; nothing else is touched.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { TemplateSpec } from '../core/resource.ts'
import { check, checkCommand } from './check.ts'
import { formatFault } from './format.ts'
import { release, stage } from './stage.ts'

export interface TriedFile {
  /** The name of the resource that it belongs to, for what is told. */
  readonly resource: string
  /** Its `dest` is the file's own path. */
  readonly spec: TemplateSpec
  readonly bytes: Uint8Array
}

export interface TrialFailed {
  readonly resource: string
  readonly fault: Fault
}

/** @returns the first failure; undefined when all files are good */
export async function tryFiles(
  files: readonly TriedFile[],
  emit: Emit,
): Promise<TrialFailed | undefined> {
  let folder: string
  try {
    folder = mkdtempSync(join(tmpdir(), 'reconfd-trial-'))
  } catch (error) {
    const hint = 'TMPDIR says where folders for trials are made.'
    const fault = ioFault(`cannot make a folder in ${tmpdir()}`, error, hint)
    return files[0] && { resource: files[0].resource, fault }
  }
  const passed = new Set<string>()
  try {
    for (const file of files) {
      const fault = await tryFile(file, folder, passed, emit)
      if (fault !== undefined) return { resource: file.resource, fault }
    }
    return undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function tryFile(
  { resource, spec, bytes }: TriedFile,
  folder: string,
  passed: Set<string>,
  emit: Emit,
): Promise<Fault | undefined> {
  const wrong = await formatFault(spec, bytes)
  if (wrong !== undefined || spec.checkCmd === undefined) return wrong
  const staged = stage(join(folder, basename(spec.dest)), { bytes, mode: 0o600 })
  if (!staged.ok) return staged.error
  try {
    const command = checkCommand(spec, staged.value)
    // One that names no file is the check of all files that have it: it runs once.
    if (command === undefined || passed.has(command)) return undefined
    passed.add(command)
    const { result, fault } = await check(command, spec, staged.value)
    emit({ kind: 'checked', resource, dest: spec.dest, command, result })
    return fault
  } finally {
    await release(staged.value, false)
  }
}
