// The reader: what a template may look up, through one resource's eyes, with every look-up recorded,
// hits and misses alike. What was recorded decides later whether a change makes the resource dirty.
import { extentOf, includes, refusalOf, type Extent } from './extent.ts'
import { FaultError } from './fault.ts'
import {
  compareText,
  covers,
  entryOf,
  fullKey,
  isEntry,
  joinKeys,
  ownKey,
  storeOf,
  toKey,
  type Key,
} from './key.ts'
import { globBase, globEscape, compileGlob } from './glob.ts'
import type { Tree } from './tree.ts'

/** What one render looked up. All keys are full keys, the prefix included. */
export interface Reads {
  readonly keys: ReadonlySet<Key>
  /** Directories of which everything below was read. */
  readonly trees: ReadonlySet<Key>
  /** Directories of which only the names were read: a changed value below is no reason to render. */
  readonly listings: ReadonlySet<Key>
  /** Patterns of Go's path.Match, full path. */
  readonly patterns: ReadonlySet<string>
  /** Absolute paths of files: the template, what it includes, what it asked for. */
  readonly files: ReadonlySet<string>
  /** What this takes of stores that are read on demand; absent where there are none. */
  readonly needs?: Extent
  /** The part of it that was not known: then what was rendered is not to be used. */
  readonly missing?: Extent
}

interface MutableExtent extends Extent {
  readonly trees: Set<Key>
  readonly names: Set<Key>
}
const newExtent = (): MutableExtent => ({ trees: new Set(), names: new Set() })

export interface Pair {
  /** As the template sees it, without the prefix. */
  readonly key: Key
  readonly value: string
}

/** Which part of the store a resource sees. */
export interface Scope {
  /** The store's name, for messages. */
  readonly store: string
  /** Global and resource prefix, joined. */
  readonly prefix: Key
  /** The resource's `keys`, without the prefix. A look-up outside of them finds nothing. */
  readonly keys: readonly Key[]
}

export class Reader {
  /** What was looked up, as of now: grows with every look-up. */
  readonly reads: Reads
  readonly #seen = {
    keys: new Set<Key>(),
    trees: new Set<Key>(),
    listings: new Set<Key>(),
    patterns: new Set<string>(),
    files: new Set<string>(),
  }
  readonly #demand: { readonly needs: MutableExtent; readonly missing: MutableExtent } | undefined
  readonly #roots: readonly Key[]

  constructor(
    private readonly tree: Tree,
    readonly scope: Scope,
  ) {
    this.#roots = scope.keys.map((key) => fullKey(scope.prefix, key))
    if (tree.known !== undefined) this.#demand = { needs: newExtent(), missing: newExtent() }
    this.reads = this.#demand === undefined ? this.#seen : { ...this.#seen, ...this.#demand }
  }

  /** The key in the store, for messages: the prefix put before it. */
  fullKey(key: string): Key {
    return fullKey(this.scope.prefix, key)
  }

  /** False when the resource's `keys` do not name the key or a directory above it. */
  isWatched(key: string): boolean {
    return this.#visible(this.fullKey(key))
  }

  get(key: string): string | undefined {
    const full = this.fullKey(key)
    this.#seen.keys.add(full)
    this.#need('trees', full)
    return this.#visible(full) ? this.tree.get(full) : undefined
  }

  /** The pairs below a directory (not the key of that very name), in key order. */
  under(dir: string): Pair[] {
    const full = this.fullKey(dir)
    this.#seen.trees.add(full)
    this.#need('trees', full)
    const pairs: Pair[] = []
    for (const [key, value] of this.#visibleUnder(full)) {
      if (key !== full) pairs.push({ key: ownKey(this.scope.prefix, key), value })
    }
    return pairs
  }

  /** The pairs whose key matches a pattern of Go's path.Match, in key order; no match is an empty list. */
  match(pattern: string): Pair[] {
    const normal = toKey(pattern)
    const full = fullKey(globEscape(this.scope.prefix), normal)
    const expression = compileGlob(normal)
    this.#seen.patterns.add(full)
    this.#needMatches(normal)
    const pairs: Pair[] = []
    for (const [key, value] of this.#visibleUnder(this.fullKey(globBase(normal)))) {
      const own = ownKey(this.scope.prefix, key)
      // The prefix itself has no name that a pattern could match.
      if (own !== '/' && expression.test(own)) pairs.push({ key: own, value })
    }
    return pairs
  }

  /**
   * The keys and directories that match a pattern of Go's path.Match, each once, in key order. The
   * prefix itself never does. Throws a template fault when the pattern is malformed.
   */
  matches(pattern: string): Key[] {
    const normal = toKey(pattern)
    const base = toKey(globBase(normal))
    // One listing tells of every key that appears or vanishes below it, at any depth.
    this.#seen.listings.add(this.fullKey(base))
    const expressions = segmentsOf(normal).slice(segmentsOf(base).length).map(compileGlob)
    if (expressions.length === 0) return base !== '/' && this.#isThere(base) ? [base] : []
    let found = [base]
    for (const expression of expressions) {
      found = found.flatMap((dir) =>
        this.#names(this.fullKey(dir))
          .filter((name) => expression.test(name))
          .map((name) => joinKeys(dir, name)),
      )
    }
    return found.sort(compareText)
  }

  /** The names directly below a directory, each once, in order. A name may be a key, a directory, or both. */
  children(dir: string): readonly string[] {
    const full = this.fullKey(dir)
    this.#seen.listings.add(full)
    return this.#names(full)
  }

  /**
   * What is told of a directory by the listing it is in; undefined in most stores, whose directories
   * are there by what is in them.
   */
  entry(dir: string): string | undefined {
    const full = this.fullKey(dir)
    this.#seen.keys.add(entryOf(full))
    this.#need('names', parentOf(full))
    return this.#entry(full)
  }

  /** True when there is something below `dir`. */
  isDirectory(dir: string): boolean {
    return this.#entry(this.fullKey(dir)) !== undefined || this.children(dir).length > 0
  }

  /** Records that the render depends on a file: its content or its being there. */
  file(path: string): void {
    this.#seen.files.add(path)
  }

  #names(full: Key): readonly string[] {
    this.#need('names', full)
    if (this.#visible(full))
      return this.tree.children(full).filter((name) => isOf(full, `/${name}`))
    const names = new Set<string>()
    for (const [key] of this.#visibleUnder(full)) {
      const rest = full === '/' ? key.slice(1) : key.slice(full.length + 1)
      if (rest !== '') names.add(rest.split('/', 1)[0] as string)
    }
    return [...names]
  }

  /** Where the listing itself is not seen, what it says is not either. */
  #entry(full: Key): string | undefined {
    return this.#visible(parentOf(full)) ? this.tree.get(entryOf(full)) : undefined
  }

  #isThere(key: Key): boolean {
    const full = this.fullKey(key)
    this.#need('trees', full)
    return this.#visibleUnder(full).next().done !== true
  }

  #visible(full: Key): boolean {
    return this.#roots.some((root) => covers(root, full) && isOf(root, full))
  }

  *#visibleUnder(full: Key): Generator<readonly [Key, string]> {
    // Where the directory lies above the resource's keys, only what they name is seen.
    const all = this.#visible(full)
    for (const pair of this.tree.under(full)) {
      if (isEntry(pair[0])) continue
      if (isOf(full, pair[0]) && (all || this.#visible(pair[0]))) yield pair
    }
  }

  /** Records what is needed of a store that is read on demand; above the keys, all that they name. */
  #need(kind: keyof Extent, dir: Key): void {
    if (this.#demand === undefined) return
    const { needs, missing } = this.#demand
    const inside = (): Key[] => this.#roots.filter((root) => covers(dir, root) && isOf(dir, root))
    const isVisible = this.#visible(dir)
    for (const at of isVisible ? [dir] : inside()) {
      const known = extentOf(this.tree.known, at)
      if (known === undefined) continue
      const part = isVisible ? kind : 'trees'
      needs[part].add(at)
      if (!includes(known, part, at)) missing[part].add(at)
      const refusal = refusalOf(known, part, at)
      if (refusal !== undefined) throw new FaultError(refusal)
    }
  }

  /** The directories that may hold a match, each by itself, so that its siblings are not needed. */
  #needMatches(pattern: Key): void {
    if (this.#demand === undefined) return
    let dirs = [toKey(globBase(pattern))]
    for (const segment of segmentsOf(pattern).slice(segmentsOf(dirs[0] ?? '/').length, -1)) {
      const expression = compileGlob(segment)
      dirs = dirs.flatMap((dir) =>
        this.#names(this.fullKey(dir))
          .filter((name) => expression.test(name))
          .map((name) => joinKeys(dir, name)),
      )
    }
    for (const dir of dirs) this.#need('trees', this.fullKey(dir))
  }
}

/** The root of all keys is that of the default store: what other stores have is not below it. */
const isOf = (dir: Key, key: string): boolean => dir !== '/' || storeOf(key) === undefined

const parentOf = (key: Key): Key => (key.slice(0, key.lastIndexOf('/')) || '/') as Key

const segmentsOf = (key: Key): readonly string[] => (key === '/' ? [] : key.slice(1).split('/'))
