// Helpers for the tests in this folder: planned changes, another user, mounts.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import {
  prepareFiles,
  type ApplyFailure,
  type ApplyOptions,
  type FileChange,
  type Swapped,
} from '../../src/apply/apply.ts'
import { observe } from '../../src/apply/observe.ts'
import type { Event } from '../../src/core/event.ts'
import { plan } from '../../src/core/plan.ts'
import type { TemplateSpec } from '../../src/core/resource.ts'

export interface TwoFiles {
  readonly dir: string
  readonly a: string
  readonly b: string
}

/** Creates a folder with two files that contain `old a` and `old b`. */
export function twoFiles(): TwoFiles {
  const dir = mkdtempSync(join(tmpdir(), 'reconfd-apply-'))
  const [a, b] = [join(dir, 'a.cfg'), join(dir, 'b.cfg')]
  writeFileSync(a, 'old a')
  writeFileSync(b, 'old b')
  return { dir, a, b }
}

export const textOf = (path: string): string => readFileSync(path, 'utf8')

/** Returns the names of the hidden files in a folder, which are staged files or leftovers. */
export const hiddenIn = (dir: string): string[] =>
  readdirSync(dir).filter((name) => name.startsWith('.'))

export const isRoot = process.geteuid?.() === 0

const SPEC: Omit<TemplateSpec, 'dest'> = {
  src: '/templates/app.njk',
  prefix: '/',
  keys: ['/'],
  trimBlocks: true,
  lstripBlocks: true,
  checkTimeout: 10_000,
  reloadTimeout: 10_000,
  followSymlinks: true,
  mkdirs: false,
}

/**
 * Plans a write to a destination, as the engine does. Each file belongs to its own resource, which is named after the
 * file, so that a failure names the file. Throws if there is nothing to write.
 */
export async function change(
  dest: string,
  text: string,
  more: Partial<TemplateSpec> = {},
): Promise<FileChange> {
  const spec = { ...SPEC, ...more, dest }
  const planned = plan({ ...spec, bytes: Buffer.from(text) }, await observe(dest))
  if (planned.kind !== 'write') throw new Error(`nothing to write to ${dest}: ${planned.kind}`)
  return { resource: basename(dest), spec, plan: planned }
}

export const optionsFor = (events: Event[] = []): ApplyOptions => ({
  keepStageFile: false,
  emit: (event) => events.push(event),
})

export interface ApplyNow extends Partial<Pick<ApplyOptions, 'keepStageFile'>> {
  /** Collects the emitted events. */
  readonly events?: Event[]
  /** Called once all files are staged, checked and synced, before any is swapped. */
  readonly beforeSwap?: () => void
}

/** Applies the changes as the engine does, and waits until they are on disk. */
export async function applyNow(
  changes: readonly FileChange[],
  { keepStageFile = false, events, beforeSwap }: ApplyNow = {},
): Promise<Swapped | ApplyFailure> {
  const prepared = await prepareFiles(changes, { ...optionsFor(events), keepStageFile })
  if (!prepared.ok) return prepared
  const unsynced = await prepared.sync()
  if (unsynced !== undefined) {
    await prepared.discard()
    return unsynced
  }
  beforeSwap?.()
  const swapped = await prepared.swap()
  if (swapped.ok) await swapped.durable
  return swapped
}

/** True for root, except with Debian 13's build of Node, which cannot switch users (CVE-2024-22017, io_uring). */
export const canBeNobody = isRoot && mayChangeUser()

function mayChangeUser(): boolean {
  try {
    process.seteuid?.(0)
    return true
  } catch {
    return false
  }
}

/** Runs a function as the user nobody. */
export async function asNobody<T>(work: () => Promise<T>): Promise<T> {
  process.setegid?.(65534)
  process.seteuid?.(65534)
  try {
    return await work()
  } finally {
    process.seteuid?.(0)
    process.setegid?.(0)
  }
}

/** Runs the mount command, calls `work`, and unmounts `where` even if `work` throws. Needs root. */
export async function mounted(
  mount: readonly string[],
  where: string,
  work: () => Promise<void>,
): Promise<void> {
  execFileSync('mount', mount)
  try {
    await work()
  } finally {
    execFileSync('umount', [where])
  }
}
