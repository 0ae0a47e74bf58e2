// The reader: what a template may look up, through one resource's eyes, with every look-up recorded,
// hits and misses alike. What was recorded decides later whether a change makes the resource dirty.
import { compareText, covers, fullKey, joinKeys, ownKey, storeOf, toKey, type Key } from './key.ts'
import { globBase, globEscape, globToRegExp } from './glob.ts'
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
}

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
  readonly #seen = {
    keys: new Set<Key>(),
    trees: new Set<Key>(),
    listings: new Set<Key>(),
    patterns: new Set<string>(),
    files: new Set<string>(),
  }
  readonly #roots: readonly Key[]

  constructor(
    private readonly tree: Tree,
    readonly scope: Scope,
  ) {
    this.#roots = scope.keys.map((key) => fullKey(scope.prefix, key))
  }

  get reads(): Reads {
    return this.#seen
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
    return this.#visible(full) ? this.tree.get(full) : undefined
  }

  /** The pairs below a directory (not the key of that very name), in key order. */
  under(dir: string): Pair[] {
    const full = this.fullKey(dir)
    this.#seen.trees.add(full)
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
    const expression = globToRegExp(normal)
    this.#seen.patterns.add(full)
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
    const expressions = segmentsOf(normal).slice(segmentsOf(base).length).map(globToRegExp)
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

  /** True when there is something below `dir`. */
  isDirectory(dir: string): boolean {
    return this.children(dir).length > 0
  }

  /** Records that the render depends on a file: its content or its being there. */
  file(path: string): void {
    this.#seen.files.add(path)
  }

  #names(full: Key): readonly string[] {
    if (this.#visible(full))
      return this.tree.children(full).filter((name) => isOf(full, `/${name}`))
    const names = new Set<string>()
    for (const [key] of this.#visibleUnder(full)) {
      const rest = full === '/' ? key.slice(1) : key.slice(full.length + 1)
      if (rest !== '') names.add(rest.split('/', 1)[0] as string)
    }
    return [...names]
  }

  #isThere(key: Key): boolean {
    return this.#visibleUnder(this.fullKey(key)).next().done !== true
  }

  #visible(full: Key): boolean {
    return this.#roots.some((root) => covers(root, full) && isOf(root, full))
  }

  *#visibleUnder(full: Key): Generator<readonly [Key, string]> {
    // Where the directory lies above the resource's keys, only what they name is seen.
    const all = this.#visible(full)
    for (const pair of this.tree.under(full)) {
      if (isOf(full, pair[0]) && (all || this.#visible(pair[0]))) yield pair
    }
  }
}

/** The root of all keys is that of the default store: what other stores have is not below it. */
const isOf = (dir: Key, key: string): boolean => dir !== '/' || storeOf(key) === undefined

const segmentsOf = (key: Key): readonly string[] => (key === '/' ? [] : key.slice(1).split('/'))
