// Everything temporary: hidden files beside what they will replace, and private folders in TMPDIR. Their
// names carry the process that made them, by its id and its start, so that a later one can tell what a
// crash has left from what another process is working on.
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
import { foreignTo, locate, whose } from './place.ts'
import { isRunning, thisProcess } from './process.ts'

const NAME_MAX = 255
/** Looked at in one folder. */
const NAMES_MOST = 100_000
/** The start is missing in names that versions before 0.2 made. */
const LEFTOVER = /^\.(.*)\.reconfd-(\d+)(?:-(\d+))?-(\d+)$/s
const PRIVATE = /^reconfd-(\d+)-(\d+)-[0-9a-f]{16}$/

let counter = 0

/** A new hidden name beside a file: `.haproxy.cfg.reconfd-<pid>-<start>-<n>`. */
export const temporaryName = (base: string): string =>
  fitted(base, `.reconfd-${self.pid}-${self.started}-${++counter}`)

/** The hidden name under which something temporary is kept because somebody asked for it. */
export const keptName = (base: string): string => fitted(base, '.reconfd-staged')

/** Cut so that the whole is as long as a name may be. */
function fitted(base: string, suffix: string): string {
  let stem = `.${base}`
  while (Buffer.byteLength(stem + suffix) > NAME_MAX) stem = stem.slice(0, -1)
  return stem + suffix
}

const self = thisProcess()

/** Whether the process that made something has ended. In doubt it has not. */
const isGone = (pid: number, started: string | undefined): boolean =>
  pid === self.pid
    ? Number(started) !== self.started
    : !isRunning({ pid, started: Number(started ?? 0) })

/**
 * Whether a name is that of a temporary file that a process has left which is gone.
 * @param bases of the files that it may have been for; absent: of any
 */
export function isLeftover(name: string, bases?: ReadonlySet<string>): boolean {
  const match = LEFTOVER.exec(name)
  if (match === null || !isGone(Number(match[2]), match[3])) return false
  const suffix = name.slice((match[1] as string).length + 1)
  return bases === undefined || [...bases].some((base) => fitted(base, suffix) === name)
}

/**
 * Removes what crashed processes have left in a folder. What cannot be removed stays.
 * @returns the paths of what was removed
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

/** Bounded: others may have filled the folder. */
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
    // One that cannot be read holds nothing that could be removed.
  }
  return names
}

export interface PrivateFolder {
  readonly path: string
  /** Removes it with all that is in it. */
  readonly remove: () => void
}

/**
 * A new folder in TMPDIR that only this process writes to, and whose name nobody can guess.
 * @param mode 0711 lets a command that runs as another user reach the files in it
 * @throws system errors, and FaultError where others can change TMPDIR
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

/** Nobody but us can reach the new folder by its name, or put another one in its place. */
function secure(path: string, mode: number): void {
  const place = locate({ dest: join(path, '.reconfd') })
  const { folder, missing } = place
  try {
    const foreign = foreignTo(place)
    if (foreign === undefined && missing.length === 0) return chmodSync(folder.at('.'), mode)
    const why = foreign === undefined ? `${path} was replaced` : whose(foreign)
    raise('io', `no file can be tried safely in ${dirname(path)}: ${why}`, {
      hint: 'Set TMPDIR to a folder that only reconfd can write to, or to a sticky one such as /tmp.',
    })
  } finally {
    folder.close()
  }
}

/** Removes the private folders of processes that are gone. */
export function sweepPrivateFolders(): void {
  inFolder(resolve(tmpdir()), (parent) => {
    for (const name of namesIn(parent)) {
      const match = PRIVATE.exec(name)
      if (match !== null && isGone(Number(match[1]), match[2])) removePrivate(parent, name)
    }
  })
}

/** Does something in a folder, if it is there. */
function inFolder(path: string, work: (folder: Folder) => void): void {
  try {
    const { folder, missing } = locate({ dest: join(path, '.reconfd') })
    try {
      if (missing.length === 0) work(folder)
    } finally {
      folder.close()
    }
  } catch {
    // What is left there is the next sweep's business.
  }
}

/** Only what belongs to us: nobody else can have put a link into it. */
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
    // Gone already, or the next sweep's business.
  }
}
