// A staged file: hidden, open, and known by its descriptor, since whoever may write to its folder can put
// another file in the place of its name.
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsync,
  lstatSync,
  openSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { Target } from '../core/plan.ts'
import { err, ok, type Result } from '../core/result.ts'
import { hasProc, type Folder } from '../system/folder.ts'
import type { Place } from '../system/place.ts'
import { keptName, type PrivateFolder } from '../system/temporary.ts'
import { setOwner } from './metadata.ts'

/** A file in an open folder. */
export interface Entry {
  readonly folder: Folder
  readonly name: string
}

const sync = promisify(fsync)
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * A hidden file on its way to a destination. Empty and 0600 at first, with its final owner; `fill`
 * gives it its content, and then its mode. `release` ends it, whatever became of it.
 */
export class Staged {
  /** For commands and messages. */
  readonly path: string
  #synced: Promise<Result<void, Fault>> = Promise.resolve(ok(undefined))
  #moved = false

  constructor(
    private readonly entry: Entry,
    /** What it is to replace. */
    readonly place: Place,
    readonly next: Target,
    private file: number,
    /** The folders that were made for it, the outermost first. */
    readonly madeDirs: readonly string[],
    /** The folder of its own that it is in, where none can be beside the destination. */
    private readonly isolated?: PrivateFolder,
  ) {
    this.path = join(isolated?.path ?? dirname(place.path), entry.name)
  }

  /** Its target is to be written in place. */
  get isInPlace(): boolean {
    return this.isolated !== undefined
  }

  /** Open until `release`. */
  get fd(): number {
    return this.file
  }

  /** Resolves when the content is safe on disk. Never rejects. */
  get synced(): Promise<Result<void, Fault>> {
    return this.#synced
  }

  /** @throws system errors */
  fill(): void {
    writeFileSync(this.file, this.next.bytes)
    if (this.next.mode !== 0o600) fchmodSync(this.file, this.next.mode)
    this.#closeForWriting()
    this.#synced = sync(this.file).then(
      () => ok(undefined),
      (error: unknown) => err(ioFault(`cannot write ${this.path} to disk`, error)),
    )
  }

  /** A program that somebody has open for writing cannot run, and a check may want to run it. */
  #closeForWriting(): void {
    try {
      const from = hasProc() ? `/proc/self/fd/${this.file}` : this.entry.folder.at(this.entry.name)
      const reader = openSync(from, constants.O_RDONLY)
      closeSync(this.file)
      this.file = reader
    } catch {
      // A mode that does not let its owner read, and we are not root.
    }
  }

  /** Opens it by its name. @throws system errors; ELOOP when it is a link by now */
  openByName(): number {
    const { folder, name } = this.entry
    // Not to wait for the other end of a named pipe that stands there by now.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    return openSync(folder.at(name), flags)
  }

  /** Renames it over its target. @throws system errors, and Replaced */
  move(): void {
    const { folder, name } = this.place
    this.#expectAt(this.entry)
    renameSync(this.entry.folder.at(this.entry.name), folder.at(name))
    this.#moved = true
    this.#expectAt(this.place)
  }

  #expectAt({ folder, name }: Entry): void {
    const [ours, there] = [fstatSync(this.file), lstatSync(folder.at(name))]
    if (ours.ino !== there.ino || ours.dev !== there.dev) throw new Replaced()
  }

  /**
   * Closes it and removes it, unless it has become the destination.
   * @param keep leaves it, or once more what has become of it, under a name that stays the same
   * @returns the path where it is kept
   */
  async release(keep = false): Promise<string | undefined> {
    // The sync may still be under way when another file of the resource has failed.
    await this.#synced
    return this.discard(keep)
  }

  /** As `release`, for one that was not filled. */
  discard(keep = false): string | undefined {
    closeSync(this.file)
    const kept = keep ? this.#keep() : undefined
    if (!this.#moved && kept === undefined) removeIfThere(this.entry)
    this.place.folder.close()
    if (this.isolated !== undefined) this.entry.folder.close()
    if (kept === undefined) this.isolated?.remove()
    return kept
  }

  #keep(): string | undefined {
    if (this.isolated !== undefined) return this.path
    const kept = { folder: this.entry.folder, name: keptName(this.place.name) }
    try {
      if (this.#moved) this.#copyTo(kept)
      else renameSync(this.entry.folder.at(this.entry.name), kept.folder.at(kept.name))
      return join(dirname(this.path), kept.name)
    } catch {
      return undefined
    }
  }

  #copyTo(copy: Entry): void {
    removeIfThere(copy)
    const fd = openNew(copy)
    try {
      setOwner(fd, this.path, this.next)
      writeFileSync(fd, this.next.bytes)
      fchmodSync(fd, this.next.mode)
    } finally {
      closeSync(fd)
    }
  }
}

/** Another file stands where ours was: whoever may write to the folder has put it there. */
export class Replaced extends Error {}

/** Makes an empty file, 0600, where there is none. */
export const openNew = ({ folder, name }: Entry): number => openSync(folder.at(name), CREATE, 0o600)

function removeIfThere({ folder, name }: Entry): void {
  try {
    unlinkSync(folder.at(name))
  } catch {
    // Gone already; or the next sweep's business.
  }
}
