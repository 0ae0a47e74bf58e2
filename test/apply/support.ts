// What the tests of apply share: a resource around some changes, another user, mounts.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  applyFiles,
  type Applied,
  type ApplyOptions,
  type FileChange,
} from '../../src/apply/apply.ts'
import { observe } from '../../src/apply/observe.ts'
import type { Event } from '../../src/core/event.ts'
import { plan } from '../../src/core/plan.ts'
import type { TemplateSpec } from '../../src/core/resource.ts'
import { ok } from '../../src/core/result.ts'

export interface TwoFiles {
  readonly dir: string
  readonly a: string
  readonly b: string
}

/** A new folder with two files that hold `old a` and `old b`. */
export function twoFiles(): TwoFiles {
  const dir = mkdtempSync(join(tmpdir(), 'reconfd-apply-'))
  const [a, b] = [join(dir, 'a.cfg'), join(dir, 'b.cfg')]
  writeFileSync(a, 'old a')
  writeFileSync(b, 'old b')
  return { dir, a, b }
}

export const textOf = (path: string): string => readFileSync(path, 'utf8')

/** What is staged in a folder, or was left there. */
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
  line: 1,
}

/** What is to be done to bring this text to the destination, planned as the flow plans it. */
export async function change(
  dest: string,
  text: string,
  more: Partial<TemplateSpec> = {},
): Promise<FileChange> {
  const spec = { ...SPEC, ...more, dest }
  const planned = plan({ ...spec, bytes: Buffer.from(text) }, await observe(dest))
  if (planned.kind !== 'write') throw new Error(`nothing to write to ${dest}: ${planned.kind}`)
  return { resource: 'app.toml', spec, plan: planned }
}

/** Applies the changes, down to the disk; `events` gets what is told on the way. */
export async function applyNow(
  changes: readonly FileChange[],
  options: Partial<ApplyOptions> & { events?: Event[] } = {},
): Promise<Applied> {
  const applied = await applyFiles(changes, {
    keepStageFile: false,
    emit: (event) => options.events?.push(event),
    beforeSwap: async () => ok(undefined),
    ...options,
  })
  if (applied.ok) await applied.durable
  return applied
}

/** Debian 13's own Node does not let root become another user, for fear of io_uring (CVE-2024-22017). */
export const canBeNobody = isRoot && mayChangeUser()

function mayChangeUser(): boolean {
  try {
    process.seteuid?.(0)
    return true
  } catch {
    return false
  }
}

/** Does something as the user nobody. */
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

/** Mounts, works, and unmounts `where` whatever happens; needs root. */
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
