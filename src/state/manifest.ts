// The manifest lists the files that the `for_each` templates of a resource have created, so that exactly the files of
// vanished items can be removed. Each resource has one small manifest file in the state directory:
//
//     {"resource":"vhosts.toml","made":{"/etc/nginx/sites/{{ base(item.key) }}.conf":
//       {"/etc/nginx/sites/a.conf":null,"/etc/nginx/sites/b.conf":["9f86d081884c..."]}}}
//
// Before a file is created, it is listed with the hash of its planned content. Once the file exists, the hash is
// replaced with null. A crash may therefore leave a listed file that was never created, which is harmless, but never a
// created file that is not listed.
//
// A file listed with null belongs to reconfd because of its name, even if somebody has edited it. A file listed with
// hashes belongs to reconfd only if its content has one of these hashes. Otherwise it belongs to somebody else, and
// stays.
import { createHash } from 'node:crypto'
import { stat, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { replaceFile, shortId, STATE_HINT, syncDir } from './state-files.ts'

export interface MadeFile {
  /** The `dest` of the template that created the file, as written in the resource. */
  readonly template: string
  /** SHA-256 hashes of the planned versions of the file, the newest last; absent once the file is known to exist. */
  readonly pending?: readonly string[]
}

export interface WantedFile {
  readonly dest: string
  readonly template: string
  /** The planned content. */
  readonly bytes: Uint8Array
}

/** The listed files, by path. */
export type MadeFiles = ReadonlyMap<string, MadeFile>

export interface Manifest {
  /** All listed files of a resource, including those of removed templates. */
  of(resource: string): Promise<Result<MadeFiles, Fault>>
  /**
   * Adds the files, each with the hash of its planned content, to the list. Resolves when the list is on disk. Call
   * with all files of a resource before any of them is created, because the call also restores entries that a
   * concurrent process has dropped. Writes only if an entry is missing.
   */
  will(resource: string, files: Iterable<WantedFile>): Promise<Result<void, Fault>>
  /** Records that the files are in place. Writes only if this was not recorded before. */
  made(resource: string, dests: Iterable<string>): Promise<Result<void, Fault>>
  /** Drops these files from the list. Call once they no longer exist. */
  gone(resource: string, dests: Iterable<string>): Promise<Result<void, Fault>>
  /** Writes all lists from memory to disk again, after the folder was removed. */
  rewrite(): Promise<void>
}

/** Whether a listed file with this content belongs to reconfd and may be removed. */
export const isOurs = ({ pending }: MadeFile, bytes: Uint8Array): boolean =>
  pending === undefined || pending.includes(sha256(bytes))

/** Returns the manifest of a confdir. Reads and creates no file yet. */
export const openManifest = (stateDir: string, confdir: string): Manifest =>
  new FileManifest(stateDir, confdir)

/** Maximum number of pending hashes of one file. Its planned content may change many times before it can be placed. */
const PENDING_MOST = 10
const DAMAGED =
  'remove it, and remove the files of vanished keys by hand: reconfd then rebuilds the list from the keys'

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A list, and the state of the file from which it was read. */
interface Listing {
  readonly state: string
  readonly files: MadeFiles
}

class FileManifest implements Manifest {
  readonly #read = new Map<string, Listing>()
  /** Resolves when all operations so far have ended. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly dir: string,
    private readonly confdir: string,
  ) {}

  of(resource: string): Promise<Result<MadeFiles, Fault>> {
    return this.#inTurn(() => this.#load(resource))
  }

  will(resource: string, wanted: Iterable<WantedFile>): Promise<Result<void, Fault>> {
    return this.#change(resource, (files) => {
      for (const { dest, template, bytes } of wanted) {
        const known = files.get(dest)
        if (known !== undefined && isOurs(known, bytes)) continue
        const pending = [...(known?.pending ?? []), sha256(bytes)].slice(-PENDING_MOST)
        files.set(dest, { template, pending })
      }
    })
  }

  made(resource: string, dests: Iterable<string>): Promise<Result<void, Fault>> {
    return this.#change(resource, (files) => {
      for (const dest of dests) {
        const file = files.get(dest)
        if (file?.pending !== undefined) files.set(dest, { template: file.template })
      }
    })
  }

  gone(resource: string, dests: Iterable<string>): Promise<Result<void, Fault>> {
    return this.#change(resource, (files) => {
      for (const dest of dests) files.delete(dest)
    })
  }

  async rewrite(): Promise<void> {
    for (const [resource, { files }] of this.#read) {
      await this.#inTurn(() => this.#write(resource, files))
    }
  }

  #inTurn<T>(work: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
    const done = this.#turn.then(work)
    this.#turn = done
    return done
  }

  #path(resource: string): string {
    return join(this.dir, `made-${shortId(this.confdir)}-${shortId(resource)}.json`)
  }

  /** The current list. Reads the file only if it has changed. Never rejects. */
  async #load(resource: string): Promise<Result<MadeFiles, Fault>> {
    const path = this.#path(resource)
    try {
      const { ino, ctimeMs, size } = await stat(path)
      const state = `${ino} ${ctimeMs} ${size}`
      const known = this.#read.get(resource)
      if (known?.state === state) return ok(known.files)
      const files = parseManifest(await readFile(path, 'utf8'))
      if (files === undefined) {
        return err({ kind: 'io', message: `the state file ${path} is damaged`, hint: DAMAGED })
      }
      this.#read.set(resource, { state, files })
      return ok(files)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return ok(new Map())
      return err(ioFault(`cannot read the state file ${path}`, error, STATE_HINT))
    }
  }

  #change(
    resource: string,
    edit: (files: Map<string, MadeFile>) => void,
  ): Promise<Result<void, Fault>> {
    return this.#inTurn(async () => {
      // Loads the list first, because another process may have changed it.
      const before = await this.#load(resource)
      if (!before.ok) return before
      const files = new Map(before.value)
      edit(files)
      return isSame(before.value, files) ? ok(undefined) : this.#write(resource, files)
    })
  }

  async #write(resource: string, files: MadeFiles): Promise<Result<void, Fault>> {
    const path = this.#path(resource)
    try {
      if (files.size === 0) {
        this.#read.delete(resource)
        await unlink(path)
        await syncDir(this.dir)
      } else {
        await replaceFile(path, formatManifest(resource, files), true)
        this.#read.set(resource, { state: '', files })
      }
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write the state file ${path}`, error, STATE_HINT))
    }
  }
}

/** Compares entries by identity, since edits create new objects. */
function isSame(a: MadeFiles, b: MadeFiles): boolean {
  if (a.size !== b.size) return false
  for (const [dest, file] of b) if (a.get(dest) !== file) return false
  return true
}

function formatManifest(resource: string, files: MadeFiles): string {
  const made = new Map<string, Map<string, readonly string[] | null>>()
  for (const [dest, { template, pending }] of files) {
    const of = made.get(template) ?? new Map<string, readonly string[] | null>()
    made.set(template, of.set(dest, pending ?? null))
  }
  const tables = [...made].map(([template, of]) => [template, Object.fromEntries(of)] as const)
  return `${JSON.stringify({ resource, made: Object.fromEntries(tables) })}\n`
}

/** Returns undefined if the text is not in the format of `formatManifest`. */
function parseManifest(text: string): MadeFiles | undefined {
  const files = new Map<string, MadeFile>()
  try {
    const { made } = JSON.parse(text) as { made: Record<string, Record<string, unknown>> }
    for (const [template, of] of Object.entries(made)) {
      for (const [dest, pending] of Object.entries(of)) {
        if (pending === null) files.set(dest, { template })
        else if (isHashes(pending)) files.set(dest, { template, pending })
        else return undefined
      }
    }
    return files
  } catch {
    return undefined
  }
}

const isHashes = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((hash) => typeof hash === 'string')
