// Attributes: what a file carries beside content, mode and owner (extended attributes, ACLs, the
// SELinux context) goes over to the file that takes its place. Node has no call for it, so getfattr
// looks and cp copies; both get the files as descriptors, since a name may be that of another file by
// then. Where there is no getfattr, or no /proc, nothing is asked and nothing is kept.
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  type Stats,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { lastLines } from '../core/output.ts'
import { hasProc, isTrusted, O_PATH } from '../system/folder.ts'
import { succeeded } from './command-fault.ts'
import { runCommand } from './command.ts'
import type { Staged } from './staged.ts'

/** What cp has to preserve, in its own words; empty when a new file has the same without it. */
type Preserve = '' | 'xattr' | 'mode,xattr'

interface Known {
  /** Of the inode: another file, or anything set on this one by somebody, makes another state. */
  readonly state: string
  readonly preserve: Preserve
}

/** A staged file and what it is to replace, open. */
interface Pair {
  readonly staged: Staged
  readonly target: number
}

/** Milliseconds. */
const TIMEOUT = 10_000
/** Files that one getfattr looks at: each takes two descriptors. */
const AT_ONCE = 10
const OUTPUT_CAP = 1024 * 1024
/** The first descriptor behind those of the standard streams. */
const FIRST = 3

/** By target: each is asked once, and again when it is not what we have put there. */
const known = new Map<string, Known>()

const stateOf = ({ dev, ino, ctimeMs }: Stats): string => `${dev} ${ino} ${ctimeMs}`
const pathOf = (n: number): string => `/proc/self/fd/${FIRST + n}`

/**
 * Gives staged files, which are still empty, the attributes of the files that they are to replace. What
 * cannot be kept is no failure. Call `remember` after the swap.
 * @returns one sentence for each file that loses some
 */
export async function keepAttributes(all: readonly Staged[]): Promise<readonly string[]> {
  const lost: string[] = []
  if (!hasProc() || !hasGetfattr()) return lost
  const concerned = all.filter((staged) => !staged.isInPlace && mayHaveSome(staged))
  for (let at = 0; at < concerned.length; at += AT_ONCE) {
    const pairs = concerned.slice(at, at + AT_ONCE).flatMap(openPair)
    try {
      await learn(pairs.filter(({ staged, target }) => !isKnown(staged, fstatSync(target))))
      for (const pair of pairs) lost.push(...(await copy(pair)))
    } finally {
      for (const { target } of pairs) closeSync(target)
    }
  }
  return lost
}

/** The staged file has become its target: what is known of its attributes holds for it. */
export function remember({ place, fd }: Staged): void {
  const preserve = known.get(place.path)?.preserve
  if (preserve !== undefined) known.set(place.path, { state: stateOf(fstatSync(fd)), preserve })
}

const isKnown = ({ place }: Staged, stats: Stats): boolean =>
  known.get(place.path)?.state === stateOf(stats)

/** False when its target is known to have none, or is not there. */
function mayHaveSome(staged: Staged): boolean {
  const { folder, name, path } = staged.place
  const stats = lstatSync(folder.at(name), { throwIfNoEntry: false })
  if (stats?.isFile() === true) return !isKnown(staged, stats) || known.get(path)?.preserve !== ''
  known.set(path, { state: '', preserve: '' })
  return false
}

/**
 * Opens the target. Attributes that somebody else has set are not taken over: an ACL would let him read
 * a file that is not his any more.
 */
function openPair(staged: Staged): Pair[] {
  const { folder, name, path } = staged.place
  let target: number
  try {
    target = openSync(folder.at(name), O_PATH | constants.O_NOFOLLOW)
  } catch {
    return []
  }
  const stats = fstatSync(target)
  const isOurs = isTrusted(stats.uid) || stats.uid === fstatSync(staged.fd).uid
  if (stats.isFile() && isOurs) return [{ staged, target }]
  known.set(path, { state: '', preserve: '' })
  closeSync(target)
  return []
}

let asked: { readonly path: string; readonly there: boolean } | undefined

/** Looked for once for each PATH. */
function hasGetfattr(): boolean {
  const path = process.env.PATH ?? ''
  if (asked?.path !== path) {
    const there = path.split(delimiter).some((dir) => isProgram(join(dir, 'getfattr')))
    asked = { path, there }
  }
  return asked.there
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Compares each target with its staged file, since a new file has attributes too: the context that
 * the policy gives it, the ACL that its directory gives it.
 */
async function learn(pairs: readonly Pair[]): Promise<void> {
  if (pairs.length === 0) return
  const files = pairs.flatMap(({ staged, target }) => [target, staged.fd])
  const paths = files.map((_, n) => pathOf(n)).join(' ')
  // Quiet: a file that is gone by now is somebody else's to tell of.
  const command = `exec getfattr -d -m - --absolute-names -- ${paths} 2>/dev/null`
  const result = await runCommand(command, { timeout: TIMEOUT, cap: OUTPUT_CAP, files })
  const dumps = result.truncated > 0 ? undefined : readDumps(result.output)
  for (const [n, { staged }] of pairs.entries()) {
    const [old, fresh] = [dumps?.get(pathOf(2 * n)), dumps?.get(pathOf(2 * n + 1))]
    const preserve = dumps === undefined ? 'mode,xattr' : toPreserve(old ?? '', fresh ?? '')
    known.set(staged.place.path, { state: '', preserve })
  }
}

/** By file, the lines that getfattr printed for it: `name=value` each, encoded. */
function readDumps(output: string): ReadonlyMap<string, string> {
  const dumps = new Map<string, string>()
  for (const block of output.split(/^# file: /m).slice(1)) {
    const end = block.indexOf('\n')
    dumps.set(block.slice(0, end), block.slice(end).trim())
  }
  return dumps
}

function toPreserve(old: string, fresh: string): Preserve {
  if (old === fresh) return ''
  // To cp an ACL is a part of the mode.
  return /^system\.posix_acl_access=/m.test(`${old}\n${fresh}`) ? 'mode,xattr' : 'xattr'
}

/** What is lost, if something is. The mode is 0600 afterwards, whatever cp has made of it. */
async function copy({ staged, target }: Pair): Promise<string[]> {
  const { path } = staged.place
  const preserve = known.get(path)?.preserve ?? ''
  if (preserve === '') return []
  const [from, to] = [pathOf(0), pathOf(1)]
  // cp of coreutils 9.7 leaves an ACL that the directory gave, where the old file has none.
  const without = `setfattr -x system.posix_acl_access -- ${to} 2>/dev/null; `
  const command = `${preserve === 'xattr' ? '' : without}exec cp --attributes-only --preserve=${preserve} -- ${from} ${to}`
  const result = await runCommand(command, { timeout: TIMEOUT, files: [target, staged.fd] })
  fchmodSync(staged.fd, 0o600)
  if (succeeded(result)) return []
  known.set(path, { state: '', preserve: '' })
  const [why = 'cp has failed'] = lastLines(result.output).slice(-1)
  return [`the extended attributes of ${path} could not be kept: ${why}`]
}
