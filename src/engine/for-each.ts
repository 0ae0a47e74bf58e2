// Renders a for_each template once for each matching key, each time into a file of its own. Records the reads of each
// match, so that a changed key re-renders only the matches that read it.
import { hashOf } from '../apply/hash.ts'
import { namesFile } from '../core/command.ts'
import { DirtyIndex } from '../core/dirty.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import { destFor, sharedDest } from '../core/for-each.ts'
import type { Key } from '../core/key.ts'
import type { Changes } from '../core/mirror.ts'
import { Reader } from '../core/reader.ts'
import { isWhole, scopeOf, type Reads, type Scope } from '../core/reads.ts'
import type { TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Tree } from '../core/tree.ts'
import type { TemplateRenderer } from '../templates/render.ts'

/** A rendered file that must be compared with its destination, the `dest` of `spec`. */
export interface FreshFile {
  readonly spec: TemplateSpec
  readonly bytes: Uint8Array
}

/** A wanted file, rendered in this call or an earlier one. */
export interface ItemFile {
  /** The matching key, without the prefix. */
  readonly item: Key
  /** Hash of the content, as in events. */
  readonly hash: string
  /** Size in bytes. */
  readonly size: number
}

export interface Expansion {
  /** The files rendered in this call, and those from earlier calls that were not confirmed. */
  readonly fresh: readonly FreshFile[]
  /** All wanted files, by path, in the order of their items. */
  readonly all: ReadonlyMap<string, ItemFile>
  /** The look-ups made to find the items and to render them. */
  readonly reads: readonly Reads[]
}

export interface ExpansionFailure {
  readonly fault: Fault
  readonly reads: readonly Reads[]
}

interface Made extends ItemFile {
  readonly dest: string
  /** Content of the file; undefined once the file is confirmed. */
  bytes: Uint8Array | undefined
}

interface Item {
  readonly reads: Reads
  readonly made: Result<Made, Fault>
}

/** The current items, and the look-ups that found them. */
interface Listing {
  readonly keys: readonly Key[]
  readonly reads: Reads
}

/** What one call of render() has to do. */
interface Work {
  /** Whether to find and render all items. */
  readonly everything: boolean
  /** The items to render if `everything` is false. If LISTING is among them, the items are listed again first. */
  readonly dirty: ReadonlySet<string>
}

/**
 * The name of the listing in the index. It cannot equal the name of an item, which is a key and begins with a slash.
 */
const LISTING = 'listing'

/** Renders one for_each template. Calls to render() must not overlap. */
export class ForEach {
  readonly #index = new DirtyIndex()
  readonly #items = new Map<Key, Item>()
  #listing: Listing | undefined
  #dirty = new Set<string>()
  #everything = true
  /** What the next call of render() has to do; undefined if begin() was not called for it. */
  #begun: Work | undefined
  /** Changes that arrived during a render, to be matched again against the reads of that render. */
  #meanwhile: (() => void)[] | undefined

  constructor(
    private readonly renderer: TemplateRenderer,
    private readonly store: string,
  ) {}

  /** Whether an input of the last render has changed. */
  get isDirty(): boolean {
    return this.#everything || this.#dirty.size > 0
  }

  keysChanged(changes: Changes): void {
    this.#mark(() => this.#index.affected(changes).keys())
  }

  filesChanged(paths: ReadonlySet<string>): void {
    this.#mark(() => [...paths].flatMap((path) => [...this.#index.usersOf(path)]))
  }

  /** Makes the next render find and render all items again. */
  forget(): void {
    this.#everything = true
  }

  /** Call when these files are in place. render() then omits them from `fresh` until they are rendered again. */
  confirm(dests: Iterable<string>): void {
    const confirmed = new Set(dests)
    for (const { made } of this.#items.values()) {
      if (made.ok && confirmed.has(made.value.dest)) made.value.bytes = undefined
    }
  }

  /** Call when the next render takes its tree; later changes count for the render after it. */
  begin(): void {
    const former = this.#begun
    this.#begun = {
      everything: this.#everything || former?.everything === true,
      dirty: new Set([...this.#dirty, ...(former?.dirty ?? [])]),
    }
    this.#everything = false
    this.#dirty = new Set()
    this.#meanwhile = []
  }

  /**
   * Renders the items that have changed since the last call, or failed in it. If one item fails, the whole call fails.
   * @param spec a template with forEach; the same at every call
   * @param tree the tree taken at begin(); without that call, the current tree
   */
  async render(spec: TemplateSpec, tree: Tree): Promise<Result<Expansion, ExpansionFailure>> {
    const scope = scopeOf(spec, this.store)
    if (this.#begun === undefined) this.begin()
    const { everything, dirty } = this.#begun as Work
    this.#begun = undefined
    const last = everything || dirty.has(LISTING) ? undefined : this.#listing
    const known = last !== undefined && isWhole(last.reads) ? last : undefined
    const listing = known === undefined ? this.#look(spec, new Reader(tree, scope)) : ok(known)
    if (!listing.ok) return listing

    const items: Item[] = []
    for (const key of listing.value.keys) {
      let item = this.#items.get(key)
      if (everything || dirty.has(key) || item?.made.ok !== true || !isWhole(item.reads)) {
        item = await this.#renderItem(spec, tree, scope, key)
        this.#items.set(key, item)
        this.#index.set(key, [item.reads])
      }
      items.push(item)
    }
    for (const mark of this.#meanwhile ?? []) mark()
    this.#meanwhile = undefined

    const reads = [listing.value.reads, ...items.map((item) => item.reads)]
    const all = together(items)
    if (!all.ok) return err({ fault: all.error, reads })
    const fresh: FreshFile[] = []
    for (const [dest, { bytes }] of all.value) {
      if (bytes !== undefined) fresh.push({ spec: { ...spec, dest }, bytes })
    }
    return ok({ fresh, all: all.value, reads })
  }

  #mark(dirty: () => Iterable<string>): void {
    const mark = (): void => {
      for (const name of dirty()) this.#dirty.add(name)
    }
    mark()
    this.#meanwhile?.push(mark)
  }

  /** Lists the items and drops vanished ones. */
  #look(spec: TemplateSpec, reader: Reader): Result<Listing, ExpansionFailure> {
    const { reads } = reader
    try {
      const keys = reader.matches(spec.forEach ?? '')
      const there = new Set(keys)
      for (const key of this.#items.keys()) {
        if (there.has(key)) continue
        this.#items.delete(key)
        this.#index.set(key, [])
      }
      this.#index.set(LISTING, [reads])
      this.#listing = { keys, reads }
      return ok(this.#listing)
    } catch (error) {
      if (!(error instanceof FaultError)) throw error
      const { fault } = error
      return err({ fault: { ...fault, message: `for_each: ${fault.message}` }, reads: [reads] })
    }
  }

  async #renderItem(spec: TemplateSpec, tree: Tree, scope: Scope, key: Key): Promise<Item> {
    const rendered = await this.renderer.renderItem(spec, tree, scope, key)
    if (!rendered.ok) {
      const { fault, reads } = rendered.error
      return { reads, made: err({ ...fault, message: `item ${key}: ${fault.message}` }) }
    }
    const { bytes, reads } = rendered.value
    const inCommand = spec.checkCmd !== undefined && namesFile(spec.checkCmd)
    const dest = destFor(spec.dest, key, rendered.value.dest, inCommand)
    if (!dest.ok) return { reads, made: dest }
    const file = { item: key, dest: dest.value, hash: hashOf(bytes), size: bytes.length }
    return { reads, made: ok({ ...file, bytes }) }
  }
}

/** Returns the files of all items by path. Fails if an item has failed, or if two files have the same path. */
function together(items: readonly Item[]): Result<ReadonlyMap<string, Made>, Fault> {
  const files: Made[] = []
  const faults: Fault[] = []
  for (const { made } of items) {
    if (made.ok) files.push(made.value)
    else faults.push(made.error)
  }
  const [first, ...more] = faults
  if (first !== undefined) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more failed)`
    return err({ ...first, message: first.message + others })
  }
  const shared = sharedDest(files.map(({ item, dest }) => ({ key: item, dest })))
  return shared === undefined ? ok(new Map(files.map((file) => [file.dest, file]))) : err(shared)
}
