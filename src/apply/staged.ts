// A staged file is hidden, open, and identified by its descriptor, because anybody who can write to its folder can
// replace the file behind its name.
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
export interface FileInFolder {
  readonly folder: Folder
  readonly name: string
}

const sync = promisify(fsync)
const CREATE = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW

/**
 * A hidden file that is to become a destination. It starts empty with mode 0600 and its final owner; `fill` writes its
 * content and sets its mode. Always call `release` at the end.
 */
export class Staged {
  /** The path of the file, for commands and messages. */
  readonly path: string
  #synced: Promise<Result<void, Fault>> = Promise.resolve(ok(undefined))
  #moved = false

  constructor(
    private readonly entry: FileInFolder,
    readonly place: Place,
    readonly next: Target,
    private file: number,
    /** The folders created for the file, the outermost first. */
    readonly madeDirs: readonly string[],
    /** The private folder of the file, if the file cannot be created beside the destination. */
    private readonly isolated?: PrivateFolder,
  ) {
    this.path = join(isolated?.path ?? dirname(place.path), entry.name)
  }

  /** Whether the destination will be written in place. */
  get isInPlace(): boolean {
    return this.isolated !== undefined
  }

  /** The descriptor of the file, open until `release`. */
  get fd(): number {
    return this.file
  }

  /** Resolves when the content is on disk. Never rejects. */
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

  /** The kernel does not execute a file that is open for writing (ETXTBSY), and a check may execute this file. */
  #closeForWriting(): void {
    try {
      const from = hasProc() ? `/proc/self/fd/${this.file}` : this.entry.folder.at(this.entry.name)
      const reader = openSync(from, constants.O_RDONLY)
      closeSync(this.file)
      this.file = reader
    } catch {
      // If we are not root and the mode denies the owner read access, the file stays open for writing.
    }
  }

  /** Opens the file by its name. @throws system errors; ELOOP if it has become a link */
  openByName(): number {
    const { folder, name } = this.entry
    // O_NONBLOCK, because a named pipe may have replaced the file.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    return openSync(folder.at(name), flags)
  }

  /** Renames the file over its target. @throws system errors, and Replaced */
  move(): void {
    const { folder, name } = this.place
    this.#expectAt(this.entry)
    renameSync(this.entry.folder.at(this.entry.name), folder.at(name))
    this.#moved = true
    this.#expectAt(this.place)
  }

  #expectAt({ folder, name }: FileInFolder): void {
    const [ours, there] = [fstatSync(this.file), lstatSync(folder.at(name))]
    if (ours.ino !== there.ino || ours.dev !== there.dev) throw new Replaced()
  }

  /**
   * Closes the file. Removes it unless it has become the destination.
   * @param keep whether the file is kept under a fixed name instead; if it has become the destination, a copy gets that
   *   name
   * @returns the path of the kept file
   */
  async release(keep = false): Promise<string | undefined> {
    // The sync may still be running if another file of the resource has failed.
    await this.#synced
    return this.discard(keep)
  }

  /** Like `release`, but does not wait for the sync. For a file that was not filled. */
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

  #copyTo(copy: FileInFolder): void {
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

/** Another process has replaced our file. */
export class Replaced extends Error {}

/** Creates an empty file with mode 0600. @throws system errors; EEXIST if the name is taken */
export const openNew = ({ folder, name }: FileInFolder): number =>
  openSync(folder.at(name), CREATE, 0o600)

function removeIfThere({ folder, name }: FileInFolder): void {
  try {
    unlinkSync(folder.at(name))
  } catch {
    // Already removed, or left to the next sweep.
  }
}
