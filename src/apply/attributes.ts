// Attributes: what a file carries beside content, mode and owner (extended attributes, ACLs, the
// SELinux context) goes over to the file that takes its place. Node has no call for it, so getfattr
// looks and cp copies; where there is no getfattr nothing is asked and nothing is kept.
import { accessSync, constants, fchmodSync, fstatSync, fsync, lstatSync, type Stats } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { shellWord } from '../core/command.ts'
import { lastLines } from '../core/output.ts'
import { succeeded } from './command-fault.ts'
import { runCommand } from './command.ts'
import type { Staged } from './stage.ts'

/** What cp has to preserve, in its own words; empty when a new file has the same without it. */
type Preserve = '' | 'xattr' | 'mode,xattr'

interface Known {
  /** Of the inode: another file, or anything set on this one by somebody, makes another state. */
  readonly state: string
  readonly preserve: Preserve
}

/** Milliseconds. */
const TIMEOUT = 10_000
/** Files that one getfattr looks at: their names have to fit into one argument of the shell. */
const AT_ONCE = 10
const OUTPUT_CAP = 1024 * 1024

/** By target: each is asked once, and again when it is not what we have put there. */
const known = new Map<string, Known>()
const sync = promisify(fsync)

const stateOf = ({ dev, ino, ctimeMs }: Stats): string => `${dev} ${ino} ${ctimeMs}`

/**
 * Gives staged files the attributes of the files that they are to replace. What cannot be kept is no
 * failure. Call it before the swap, and `remember` after it.
 * @returns one sentence for each file that loses some
 */
export async function keepAttributes(staged: readonly Staged[]): Promise<readonly string[]> {
  if (staged.length === 0 || !hasGetfattr()) return []
  await learn(staged.filter(isUnknown))
  const lost: string[] = []
  for (const one of staged) {
    const problem = await copy(one, known.get(one.target)?.preserve ?? '')
    if (problem === undefined) continue
    lost.push(problem)
    known.set(one.target, { state: '', preserve: '' })
  }
  return lost
}

/** The staged file has become its target: what is known of its attributes holds for it. */
export function remember(staged: Staged): void {
  const preserve = known.get(staged.target)?.preserve
  if (preserve !== undefined) {
    known.set(staged.target, { state: stateOf(fstatSync(staged.fd)), preserve })
  }
}

/** True when its target has to be looked at. One that is not there has nothing to keep. */
function isUnknown({ target }: Staged): boolean {
  const stats = lstatSync(target, { throwIfNoEntry: false })
  if (stats === undefined) known.set(target, { state: '', preserve: '' })
  return stats !== undefined && known.get(target)?.state !== stateOf(stats)
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
async function learn(staged: readonly Staged[]): Promise<void> {
  for (let at = 0; at < staged.length; at += AT_ONCE) {
    const batch = staged.slice(at, at + AT_ONCE)
    const paths = batch.flatMap(({ target, path }) => [target, path])
    // Quiet: a file that is gone by now is somebody else's to tell of.
    const command = `exec getfattr -d -m - --absolute-names -- ${paths.map(shellWord).join(' ')} 2>/dev/null`
    const result = await runCommand(command, { timeout: TIMEOUT, cap: OUTPUT_CAP })
    const dumps = result.truncated > 0 ? undefined : readDumps(result.output)
    for (const { target, path } of batch) {
      const preserve: Preserve =
        dumps === undefined
          ? 'mode,xattr'
          : toPreserve(dumps.get(target) ?? '', dumps.get(path) ?? '')
      known.set(target, { state: '', preserve })
    }
  }
}

/** By file, the lines that getfattr printed for it: `name=value` each, encoded. */
function readDumps(output: string): ReadonlyMap<string, string> {
  const dumps = new Map<string, string>()
  for (const block of output.split(/^# file: /m).slice(1)) {
    const end = block.indexOf('\n')
    // Line ends and backslashes in a name are told as octal numbers.
    const name = block
      .slice(0, end)
      .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
    dumps.set(name, block.slice(end).trim())
  }
  return dumps
}

function toPreserve(old: string, fresh: string): Preserve {
  if (old === fresh) return ''
  // To cp an ACL is a part of the mode.
  return /^system\.posix_acl_access=/m.test(`${old}\n${fresh}`) ? 'mode,xattr' : 'xattr'
}

/** What is wrong, if something is; the staged file's content and owner stay, and its mode is 0600 again. */
async function copy(staged: Staged, preserve: Preserve): Promise<string | undefined> {
  if (preserve === '') return undefined
  const { target, path, fd } = staged
  const [from, to] = [shellWord(target), shellWord(path)]
  // cp of coreutils 9.7 leaves an ACL that the directory gave, where the old file has none.
  const without = `setfattr -x system.posix_acl_access -- ${to} 2>/dev/null; `
  const command = `${preserve === 'xattr' ? '' : without}exec cp --attributes-only --preserve=${preserve} -- ${from} ${to}`
  const result = await runCommand(command, { timeout: TIMEOUT })
  try {
    if (preserve !== 'xattr') fchmodSync(fd, 0o600)
    await sync(fd)
  } catch {
    return `the extended attributes of ${target} could not be written to disk`
  }
  if (succeeded(result)) return undefined
  const [why = 'cp has failed'] = lastLines(result.output).slice(-1)
  return `the extended attributes of ${target} could not be kept: ${why}`
}
