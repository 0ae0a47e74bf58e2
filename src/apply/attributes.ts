// Copies the extended attributes, ACL and SELinux context of a file to the file that replaces it. Node cannot do this,
// so getfattr compares and cp copies. Both receive descriptors, because a name could meanwhile refer to another file.
// Without getfattr or /proc, no attributes are kept.
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

/** The value of cp's `--preserve`; empty if there is nothing to copy. */
type Preserve = '' | 'xattr' | 'mode,xattr'

interface Known {
  /** Identity and change time of the inode: differs after a replacement and after any change to the file. */
  readonly state: string
  readonly preserve: Preserve
}

interface Pair {
  readonly staged: Staged
  /** Descriptor of the file that the staged file will replace. */
  readonly target: number
}

/** Timeout of one run of getfattr or cp, in milliseconds. */
const TIMEOUT = 10_000
/** Maximum number of pairs in one run of getfattr; each pair takes two descriptors. */
const AT_ONCE = 10
const OUTPUT_CAP = 1024 * 1024
/** The first descriptor after the standard streams. */
const FIRST = 3

/**
 * The last known state of each target, by path. Saves a run of getfattr for a file that has not changed since reconfd
 * wrote it.
 */
const known = new Map<string, Known>()

const inodeState = ({ dev, ino, ctimeMs }: Stats): string => `${dev} ${ino} ${ctimeMs}`
const pathOf = (n: number): string => `/proc/self/fd/${FIRST + n}`

/**
 * Gives staged files, which are still empty, the attributes of the files that they will replace. Losing attributes
 * is not a failure. Call `remember` after the swap.
 * @returns a message for each file that loses attributes
 */
export async function keepAttributes(all: readonly Staged[]): Promise<readonly string[]> {
  const lost: string[] = []
  if (!hasProc() || !hasGetfattr()) return lost
  const concerned = all.filter((staged) => !staged.isInPlace && mayHaveSome(staged))
  for (let at = 0; at < concerned.length; at += AT_ONCE) {
    const pairs = concerned.slice(at, at + AT_ONCE).flatMap(openPair)
    try {
      await compareAttributes(
        pairs.filter(({ staged, target }) => !isKnown(staged, fstatSync(target))),
      )
      for (const pair of pairs) lost.push(...(await copy(pair)))
    } finally {
      for (const { target } of pairs) closeSync(target)
    }
  }
  return lost
}

/** Call after the staged file was renamed over its target, so that the next keepAttributes() knows the new file. */
export function remember({ place, fd }: Staged): void {
  const preserve = known.get(place.path)?.preserve
  if (preserve !== undefined) known.set(place.path, { state: inodeState(fstatSync(fd)), preserve })
}

const isKnown = ({ place }: Staged, stats: Stats): boolean =>
  known.get(place.path)?.state === inodeState(stats)

/** False if the target is missing, or is known to have no attributes to copy. */
function mayHaveSome(staged: Staged): boolean {
  const { folder, name, path } = staged.place
  const stats = lstatSync(folder.at(name), { throwIfNoEntry: false })
  if (stats?.isFile() === true) return !isKnown(staged, stats) || known.get(path)?.preserve !== ''
  known.set(path, { state: '', preserve: '' })
  return false
}

/**
 * Opens the target. Returns an empty list if the target is missing, or if it belongs to another user, because its ACL
 * could let that user read the new content.
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

let search: { readonly path: string; readonly found: boolean } | undefined

/** Searches again only if PATH has changed. */
function hasGetfattr(): boolean {
  const path = process.env.PATH ?? ''
  if (search?.path !== path) {
    const found = path.split(delimiter).some((dir) => isProgram(join(dir, 'getfattr')))
    search = { path, found }
  }
  return search.found
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
 * Compares the attributes of each target and its staged file, and records what cp has to preserve. A new file has
 * attributes, too: an SELinux context set by policy, and an ACL inherited from its folder.
 */
async function compareAttributes(pairs: readonly Pair[]): Promise<void> {
  if (pairs.length === 0) return
  const files = pairs.flatMap(({ staged, target }) => [target, staged.fd])
  const paths = files.map((_, n) => pathOf(n)).join(' ')
  // Error messages are discarded, because the swap reports a file that has vanished.
  const command = `exec getfattr -d -m - --absolute-names -- ${paths} 2>/dev/null`
  const result = await runCommand(command, { timeout: TIMEOUT, cap: OUTPUT_CAP, files })
  const dumps = result.truncated > 0 ? undefined : readDumps(result.output)
  for (const [n, { staged }] of pairs.entries()) {
    const [old, fresh] = [dumps?.get(pathOf(2 * n)), dumps?.get(pathOf(2 * n + 1))]
    const preserve = dumps === undefined ? 'mode,xattr' : toPreserve(old ?? '', fresh ?? '')
    known.set(staged.place.path, { state: '', preserve })
  }
}

/** Returns the lines `name=value` that getfattr printed for each file, by path. */
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
  // For cp, an ACL is part of the mode.
  return /^system\.posix_acl_access=/m.test(`${old}\n${fresh}`) ? 'mode,xattr' : 'xattr'
}

/**
 * Copies the attributes. The mode of the staged file is 0600 afterwards.
 * @returns a message if attributes are lost
 */
async function copy({ staged, target }: Pair): Promise<string[]> {
  const { path } = staged.place
  const preserve = known.get(path)?.preserve ?? ''
  if (preserve === '') return []
  const [from, to] = [pathOf(0), pathOf(1)]
  // cp of coreutils 9.7 keeps the ACL that the new file has inherited from its folder, even if the old file has none.
  const without = `setfattr -x system.posix_acl_access -- ${to} 2>/dev/null; `
  const command = `${preserve === 'xattr' ? '' : without}exec cp --attributes-only --preserve=${preserve} -- ${from} ${to}`
  const result = await runCommand(command, { timeout: TIMEOUT, files: [target, staged.fd] })
  fchmodSync(staged.fd, 0o600)
  if (succeeded(result)) return []
  known.set(path, { state: '', preserve: '' })
  const [why = 'cp failed'] = lastLines(result.output).slice(-1)
  return [`the extended attributes of ${path} are lost: ${why}`]
}
