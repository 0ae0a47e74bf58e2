// Temporary files: hidden ones beside the files that they will replace, and private folders in TMPDIR. Their names
// contain the pid and the start time of their process, so that a later process can distinguish leftovers of a crash
// from files in use.
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  mkdirSync,
  opendirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { raise } from '../core/fault.ts'
import type { Folder } from './folder.ts'
import { foreignTo, locate, whyForeign } from './place.ts'
import { isRunning, thisProcess } from './process.ts'

const NAME_MAX = 255
/** Maximum number of names read from one folder. */
const NAMES_MOST = 100_000
/** Earlier versions wrote names without the start time. */
const LEFTOVER = /^\.(.*)\.reconfd-(\d+)(?:-(\d+))?-(\d+)$/s
const PRIVATE = /^reconfd-(\d+)-(\d+)-[0-9a-f]{16}$/

let counter = 0

/** A new hidden name beside a file: `.haproxy.cfg.reconfd-<pid>-<start>-<n>`. */
export const temporaryName = (base: string): string =>
  fitted(base, `.reconfd-${self.pid}-${self.started}-${++counter}`)

/** The hidden name of a staged file kept by -keep-stage-file. */
export const keptName = (base: string): string => fitted(base, '.reconfd-staged')

/** Shortens the base to fit the limit of a file name. */
function fitted(base: string, suffix: string): string {
  let stem = `.${base}`
  while (Buffer.byteLength(stem + suffix) > NAME_MAX) stem = stem.slice(0, -1)
  return stem + suffix
}

const self = thisProcess()

/** Whether the process that created a file has exited. False if that is unknown. */
const isGone = (pid: number, started: string | undefined): boolean =>
  pid === self.pid
    ? Number(started) !== self.started
    : !isRunning({ pid, started: Number(started ?? 0) })

/**
 * Whether a name belongs to a temporary file of a process that has exited.
 * @param bases names of the files that it may have been meant to replace; absent for any file
 */
export function isLeftover(name: string, bases?: ReadonlySet<string>): boolean {
  const match = LEFTOVER.exec(name)
  if (match === null || !isGone(Number(match[2]), match[3])) return false
  const suffix = name.slice((match[1] as string).length + 1)
  return bases === undefined || [...bases].some((base) => fitted(base, suffix) === name)
}

/**
 * Removes the temporary files of crashed processes from a folder. Skips files that cannot be removed.
 * @returns the removed paths
 */
export function sweepFolder(folder: Folder, bases?: ReadonlySet<string>): string[] {
  return namesIn(folder).flatMap((name) => {
    if (!isLeftover(name, bases)) return []
    try {
      unlinkSync(folder.at(name))
      return [join(folder.path, name)]
    } catch {
      return []
    }
  })
}

/** Returns a limited number of names, because other users may fill the folder. */
function namesIn(folder: Folder): string[] {
  const names: string[] = []
  try {
    const entries = opendirSync(folder.at('.'))
    try {
      let entry = entries.readSync()
      for (; entry !== null && names.length < NAMES_MOST; entry = entries.readSync()) {
        names.push(entry.name)
      }
    } finally {
      entries.closeSync()
    }
  } catch {
    // The folder cannot be read, so nothing can be removed.
  }
  return names
}

export interface PrivateFolder {
  readonly path: string
  /** Removes the folder with its contents. */
  readonly remove: () => void
}

/**
 * Creates a folder in TMPDIR that only our user can write to. Its name cannot be guessed.
 * @param mode with 0711, a command that runs as another user can open the files in it
 * @throws system errors, and FaultError if others can change TMPDIR
 */
export function privateFolder(mode: 0o700 | 0o711 = 0o700): PrivateFolder {
  sweepPrivateFolders()
  const name = `reconfd-${self.pid}-${self.started}-${randomBytes(8).toString('hex')}`
  const parent = resolve(tmpdir())
  const path = join(parent, name)
  const remove = (): void => inFolder(parent, (folder) => removePrivate(folder, name))
  const { folder } = locate({ dest: path })
  try {
    mkdirSync(folder.at(name), { mode: 0o700 })
  } finally {
    folder.close()
  }
  try {
    secure(path, mode)
  } catch (error) {
    remove()
    throw error
  }
  return { path, remove }
}

/** Sets the mode. Throws if the new folder was replaced, or if other users can replace it. */
function secure(path: string, mode: number): void {
  const place = locate({ dest: join(path, '.reconfd') })
  const { folder, missing } = place
  try {
    const foreign = foreignTo(place)
    if (foreign === undefined && missing.length === 0) return chmodSync(folder.at('.'), mode)
    const why = foreign === undefined ? `${path} was replaced` : whyForeign(foreign)
    raise('io', `files cannot be checked safely in ${dirname(path)}: ${why}`, {
      hint: 'set TMPDIR to a folder that only reconfd can write to, or to a sticky one such as /tmp',
    })
  } finally {
    folder.close()
  }
}

/** Removes the private folders of processes that have exited. */
export function sweepPrivateFolders(): void {
  inFolder(resolve(tmpdir()), (parent) => {
    for (const name of namesIn(parent)) {
      const match = PRIVATE.exec(name)
      if (match !== null && isGone(Number(match[1]), match[2])) removePrivate(parent, name)
    }
  })
}

/** Calls `work` with a folder if it exists. Ignores errors. */
function inFolder(path: string, work: (folder: Folder) => void): void {
  try {
    const { folder, missing } = locate({ dest: join(path, '.reconfd') })
    try {
      if (missing.length === 0) work(folder)
    } finally {
      folder.close()
    }
  } catch {
    // Left to the next sweep.
  }
}

/** Removes a private folder if it belongs to us, because then nobody else can have created links in it. */
function removePrivate(parent: Folder, name: string): void {
  try {
    const folder = parent.child(name)
    try {
      if (folder.stats.uid !== process.geteuid?.()) return
      for (const entry of readdirSync(folder.at('.'))) {
        rmSync(folder.at(entry), { recursive: true, force: true })
      }
    } finally {
      folder.close()
    }
    rmdirSync(parent.at(name))
  } catch {
    // Already removed, or left to the next sweep.
  }
}
