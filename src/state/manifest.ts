// The manifest: which files the `for_each` templates of a resource have made, so that those whose key
// is gone can be removed, and no others. One small file for each resource in the state directory:
//
//     {"resource":"vhosts.toml","made":{"/etc/nginx/sites/{{ base(item.key) }}.conf":
//       {"/etc/nginx/sites/a.conf":null,"/etc/nginx/sites/b.conf":["9f86d081884c..."]}}}
//
// A file is listed, with the hash of what is to be written, and that is safe on disk before it is
// made; null says that it was made. A crash can so leave a file that is listed and was never made,
// which is harmless, and never one that was made and is not listed.
//
// Which files are ours: one that was made is ours by its name, whoever has edited it since, as it is
// while its key is there. One of which it is only known that it was about to be made is ours when it
// holds what we were about to write; anything else at that path is somebody else's, and stays.
import { createHash } from 'node:crypto'
import { stat, readFile, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { idOf, replaceFile, syncDir } from './state-files.ts'

export interface MadeFile {
  /** The `dest` that made it, as it stands in the resource. */
  readonly template: string
  /** The SHA-256 of what was to be written, as long as it is not known that it was: the newest last. */
  readonly pending?: readonly string[]
}

export interface WantedFile {
  readonly dest: string
  readonly template: string
  /** What it is to hold. */
  readonly bytes: Uint8Array
}

/** By path. */
export type MadeFiles = ReadonlyMap<string, MadeFile>

export interface Manifest {
  /** All files of a resource that are listed, also those of templates that it has no more. */
  of(resource: string): Promise<Result<MadeFiles, Fault>>
  /**
   * Lists files that are not listed yet, or not with this content; resolves when that is safe on disk. To be given all files
   * that a resource is to have, before any is made: then it mends also what another process, writing
   * at the same moment, has taken out of the list. It writes only when something is missing.
   */
  will(resource: string, files: Iterable<WantedFile>): Promise<Result<void, Fault>>
  /** The files are in place. It writes only when this was not known. */
  made(resource: string, dests: Iterable<string>): Promise<Result<void, Fault>>
  /** The files are removed: by us, or they were gone already. */
  gone(resource: string, dests: Iterable<string>): Promise<Result<void, Fault>>
  /** Writes everything that is known once more: the folder was removed. */
  rewrite(): Promise<void>
}

/** Whether a listed file, found with this content, is ours to remove. */
export const isOurs = ({ pending }: MadeFile, bytes: Uint8Array): boolean =>
  pending === undefined || pending.includes(hashOf(bytes))

/** Reads and makes nothing yet. */
export const openManifest = (stateDir: string, confdir: string): Manifest =>
  new FileManifest(stateDir, confdir)

/** A file that cannot be put into place may be about to become many things, one after the other. */
const PENDING_MOST = 10
const HINT = 'Choose a directory that reconfd can write to with -state-dir.'
const DAMAGED =
  'Remove it: it is made again, but files whose key is gone by now are to be removed by hand.'

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A list as it was read, and of which state of the file. */
interface Listing {
  readonly state: string
  readonly files: MadeFiles
}

class FileManifest implements Manifest {
  readonly #read = new Map<string, Listing>()
  /** The work under way: one piece after the other. */
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
        const pending = [...(known?.pending ?? []), hashOf(bytes)].slice(-PENDING_MOST)
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
    return join(this.dir, `made-${idOf(this.confdir)}-${idOf(resource)}.json`)
  }

  /** What the file holds now; read again only when it has become another. Never rejects. */
  async #load(resource: string): Promise<Result<MadeFiles, Fault>> {
    const path = this.#path(resource)
    try {
      const { ino, ctimeMs, size } = await stat(path)
      const state = `${ino} ${ctimeMs} ${size}`
      const known = this.#read.get(resource)
      if (known?.state === state) return ok(known.files)
      const files = parse(await readFile(path, 'utf8'))
      if (files === undefined) {
        return err({ kind: 'io', message: `the state file ${path} is damaged`, hint: DAMAGED })
      }
      this.#read.set(resource, { state, files })
      return ok(files)
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return ok(new Map())
      return err(ioFault(`cannot read the state file ${path}`, error, HINT))
    }
  }

  #change(
    resource: string,
    edit: (files: Map<string, MadeFile>) => void,
  ): Promise<Result<void, Fault>> {
    return this.#inTurn(async () => {
      // What another process has listed meanwhile is in it.
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
        await replaceFile(path, format(resource, files), true)
        this.#read.set(resource, { state: '', files })
      }
      return ok(undefined)
    } catch (error) {
      return err(ioFault(`cannot write the state file ${path}`, error, HINT))
    }
  }
}

/** An edit puts new objects where something has changed. */
function isSame(a: MadeFiles, b: MadeFiles): boolean {
  if (a.size !== b.size) return false
  for (const [dest, file] of b) if (a.get(dest) !== file) return false
  return true
}

function format(resource: string, files: MadeFiles): string {
  const made = new Map<string, Map<string, readonly string[] | null>>()
  for (const [dest, { template, pending }] of files) {
    const of = made.get(template) ?? new Map<string, readonly string[] | null>()
    made.set(template, of.set(dest, pending ?? null))
  }
  const tables = [...made].map(([template, of]) => [template, Object.fromEntries(of)] as const)
  return `${JSON.stringify({ resource, made: Object.fromEntries(tables) })}\n`
}

/** Undefined when it is not what `format` writes. */
function parse(text: string): MadeFiles | undefined {
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
