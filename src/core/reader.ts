// The reader: gives the templates of one resource access to the keys and records every look-up, hits and misses alike.
// The recorded reads decide whether a change makes the resource dirty. The reads are limited to the resource's `keys`:
// a look-up in a directory that contains some of the `keys` is recorded as look-ups of those keys.
import { extentOf } from './extent.ts'
import { globBase, globEscape, compileGlob } from './glob.ts'
import {
  compareText,
  covers,
  entryOf,
  fullKey,
  joinKeys,
  ownKey,
  storeOf,
  toKey,
  type Key,
} from './key.ts'
import { countOf, Matches, type Runs } from './matches.ts'
import { Needs } from './needs.ts'
import type { Reads, Scope } from './reads.ts'
import { Tally } from './tally.ts'
import type { TreePair, Tree } from './tree.ts'
import { isOf, parentOf, Visibility } from './visibility.ts'

/** A character that no key contains. */
const SEPARATOR = '\0'

export class Reader {
  /** The look-ups so far; grows with every look-up. */
  readonly reads: Reads
  readonly #seen = {
    keys: new Set<Key>(),
    trees: new Set<Key>(),
    listings: new Set<Key>(),
    patterns: new Set<string>(),
    files: new Set<string>(),
  }
  readonly #tally: Tally
  readonly #visibility: Visibility
  /** Undefined if no store is read on demand. */
  readonly #needs: Needs | undefined

  /** @param earlier cached results of other readers, whose scope and tree may differ */
  constructor(
    private readonly tree: Tree,
    readonly scope: Scope,
    private readonly earlier = new Matches(),
  ) {
    this.#visibility = new Visibility(scope.prefix, scope.keys)
    if (tree.known !== undefined)
      this.#needs = new Needs(tree.known, this.#visibility, scope.optional)
    this.#tally = new Tally(scope.counts === true)
    this.reads = { ...this.#seen, ...this.#tally.all, ...this.#needs?.all }
  }

  /** Returns the full key in the store. */
  fullKey(key: string): Key {
    return fullKey(this.scope.prefix, key)
  }

  /** Whether the resource's `keys` include the key or a directory above it. */
  isWatched(key: string): boolean {
    return this.#visibility.includes(this.fullKey(key))
  }

  /** Whether the resource's `keys` include a directory, or something in it. */
  sees(dir: Key): boolean {
    return this.#visibility.parts(this.fullKey(dir)).length > 0
  }

  /**
   * Whether the store can answer look-ups in this directory. A store that contains only given keys, such as a file,
   * cannot answer look-ups with options, such as another datacenter, unless the `keys` name the directory.
   */
  isAnswered(dir: Key): boolean {
    const full = this.fullKey(dir)
    if (extentOf(this.tree.known, full) !== undefined || !this.#visibility.isOfLookUp(full))
      return true
    // An unreachable optional store counts as able to answer, because nothing is known about it.
    if (this.scope.optional?.has(storeOf(full) ?? '') === true) return true
    return this.#visibility.isNamed(full)
  }

  get(key: string): string | undefined {
    const full = this.fullKey(key)
    if (!this.#visibility.includes(full)) return undefined
    const isNew = !this.#seen.keys.has(full)
    this.#seen.keys.add(full)
    this.#needs?.add('trees', full)
    const value = this.tree.get(full)
    if (isNew) this.#tally.key(full, value !== undefined)
    return value
  }

  /**
   * Returns the pairs below a directory, in key order, without the pair whose key is the directory itself. The keys are
   * those that the template sees, without the prefix.
   */
  under(dir: string): Runs {
    const runs = this.glance(dir)
    this.#use(`below ${dir}`, dir, countOf(runs), () => runs.flat())
    return runs
  }

  /** Like under(), but does not count the pairs. The caller must count the pairs that it uses, with use(). */
  glance(dir: string): Runs {
    const full = this.fullKey(dir)
    for (const part of this.#visibility.parts(full)) {
      this.#seen.trees.add(part)
      this.#needs?.add('trees', part)
    }
    return this.#runs(full, `below ${full}`, (_, key) => key !== full)
  }

  /**
   * Counts pairs as found.
   * @param look identifies the look-up that returned them
   * @param dir directory of the look-up
   */
  use(look: string, dir: string, pairs: readonly Pick<TreePair, 'key'>[]): void {
    this.#use(look, dir, pairs.length, () => pairs)
  }

  #use(
    look: string,
    dir: string,
    count: number,
    pairs: () => readonly Pick<TreePair, 'key'>[],
  ): void {
    const full = this.fullKey(dir)
    if (this.#visibility.parts(full).length === 0) return
    this.#tally.keys(look, full, count, () => pairs().map(({ key }) => this.fullKey(key)))
  }

  /** Returns the pairs whose key matches a pattern of Go's path.Match, in key order. */
  match(pattern: string): Runs {
    const normal = toKey(pattern)
    const full = fullKey(globEscape(this.scope.prefix), normal)
    const expression = compileGlob(normal)
    this.#seePattern(full)
    this.#needMatches(normal)
    const base = globBase(normal)
    // The prefix itself has no name that a pattern could match.
    const runs = this.#runs(
      this.fullKey(base),
      `like ${full}`,
      (own) => own !== '/' && expression.test(own),
    )
    this.#use(`like ${pattern}`, base, countOf(runs), () => runs.flat())
    return runs
  }

  /**
   * Returns the visible pairs below a directory that `accepts` selects, in key order, without the prefix.
   * @param look identifies the look-up among those with the same prefix
   * @param accepts receives the key without the prefix, and the full key
   */
  #runs(dir: Key, look: string, accepts: (own: Key, key: Key) => boolean): Runs {
    const { prefix } = this.scope
    const seen = ({ key, value }: TreePair): TreePair => ({ key: ownKey(prefix, key), value })
    const parts = this.#visibility.parts(dir)
    const [part] = parts
    if (part === undefined) return []
    if (parts.length > 1) {
      const pairs = this.#visibleUnder(dir)
      return [pairs.filter(({ key }) => accepts(ownKey(prefix, key), key)).map(seen)]
    }
    return this.earlier.find(
      [look, part, prefix].join(SEPARATOR),
      this.tree.leaves(part),
      (leaf) => {
        const pairs = leaf.filter(
          ({ key }) =>
            covers(part, key) &&
            this.#visibility.isIn(part, key) &&
            accepts(ownKey(prefix, key), key),
        )
        // Without a prefix, a leaf that matches as a whole is not copied.
        if (prefix !== '/') return pairs.map(seen)
        return pairs.length === leaf.length ? leaf : pairs
      },
    )
  }

  /**
   * Returns the keys and directories that match a pattern of Go's path.Match, each once, in key order, but never the
   * prefix itself.
   * @throws a template fault for a malformed pattern
   */
  matches(pattern: string): Key[] {
    const normal = toKey(pattern)
    const base = toKey(globBase(normal))
    // A listing depends on every key that is added or removed below the directory, at any depth.
    this.#seeListing(this.fullKey(base))
    const expressions = segmentsOf(normal).slice(segmentsOf(base).length).map(compileGlob)
    const look = `match ${pattern}`
    if (expressions.length === 0) {
      const isThere = base !== '/' && this.#isThere(base)
      const found = isThere ? [base] : []
      this.#tally.names(look, this.fullKey(base), found.length, 0, () =>
        found.map((key) => this.fullKey(key)),
      )
      return found
    }
    let found = [base]
    for (const expression of expressions) {
      found = found.flatMap((dir) =>
        this.#names(this.fullKey(dir))
          .filter((name) => expression.test(name))
          .map((name) => joinKeys(dir, name)),
      )
    }
    this.#list(look, base, found.length, () => found)
    return found.sort(compareText)
  }

  /**
   * Returns the names directly below a directory, each once, in order. A name may be a key, a directory, or both.
   * @param isCatalog whether names exist independently of the keys below them, so that they do not count as found keys
   */
  children(dir: string, isCatalog = false): readonly string[] {
    const names = this.#listing(this.fullKey(dir))
    this.#list(`in ${dir}`, dir, names.length, () => inside(dir, names), isCatalog)
    return names
  }

  /** Returns the names directly below a directory that are directories themselves. */
  directories(dir: string): readonly string[] {
    const full = this.fullKey(dir)
    const names = this.#listing(full).filter((name) => {
      const below = joinKeys(full, name)
      return this.#entry(below) !== undefined || this.#listing(below).length > 0
    })
    this.#list(`directories in ${dir}`, dir, names.length, () => inside(dir, names))
    return names
  }

  /**
   * Returns the entry of a directory, which belongs to the listing of its parent. Undefined in most stores, whose
   * directories exist only through their keys.
   */
  entry(dir: string): string | undefined {
    const full = this.fullKey(dir)
    if (!this.#visibility.includes(parentOf(full))) return undefined
    this.#seen.keys.add(entryOf(full))
    this.#needs?.add('names', parentOf(full))
    return this.#entry(full)
  }

  /** Records that the render depends on the content or existence of a file. */
  file(path: string): void {
    this.#seen.files.add(path)
  }

  /** Counts listed names. In an on-demand store, names exist independently of the keys below them. */
  #list(
    look: string,
    dir: string,
    count: number,
    paths: () => readonly Key[],
    isCatalog = false,
  ): void {
    const at = this.fullKey(dir)
    if (this.#visibility.parts(at).length === 0) return
    const keys = (): Key[] => paths().map((path) => this.fullKey(path))
    if (!isCatalog && extentOf(this.tree.known, at) === undefined) {
      return this.#tally.names(look, at, count, 0, keys)
    }
    const shown = keys().filter((key) => this.tree.get(key) !== undefined)
    this.#tally.names(look, at, shown.length, count - shown.length, () => shown)
  }

  #listing(full: Key): readonly string[] {
    this.#seeListing(full)
    return this.#names(full)
  }

  #seeListing(full: Key): void {
    for (const part of this.#visibility.parts(full)) this.#seen.listings.add(part)
  }

  #seePattern(full: Key): void {
    const base = toKey(globBase(full))
    if (this.#visibility.includes(base)) {
      this.#seen.patterns.add(full)
      return
    }
    for (const root of this.#visibility.parts(base)) {
      const below = narrowed(full, root)
      if (below !== undefined) this.#seen.patterns.add(below)
    }
  }

  #names(full: Key): readonly string[] {
    if (this.#visibility.includes(full)) {
      this.#needs?.add('names', full)
      return this.tree
        .children(full)
        .filter(
          (name) => isOf(full, `/${name}`) && this.#visibility.isAlike(full, joinKeys(full, name)),
        )
    }
    for (const part of this.#visibility.parts(full)) this.#needs?.add('trees', part)
    const names = new Set<string>()
    for (const { key } of this.#visibleUnder(full)) {
      const rest = full === '/' ? key.slice(1) : key.slice(full.length + 1)
      if (rest !== '') names.add(rest.split('/', 1)[0] as string)
    }
    return [...names]
  }

  /** An entry is visible only if the listing of its parent is visible. */
  #entry(full: Key): string | undefined {
    return this.#visibility.includes(parentOf(full)) ? this.tree.get(entryOf(full)) : undefined
  }

  #isThere(key: Key): boolean {
    const full = this.fullKey(key)
    const parts = this.#visibility.parts(full)
    for (const part of parts) this.#needs?.add('trees', part)
    for (const part of parts) {
      for (const [found] of this.tree.under(part))
        if (this.#visibility.isIn(part, found)) return true
    }
    return false
  }

  /** Returns the visible pairs below a directory, in key order. */
  #visibleUnder(dir: Key): TreePair[] {
    const parts = this.#visibility.parts(dir)
    const pairs = parts.flatMap((part) =>
      this.tree
        .leaves(part)
        .flatMap((leaf) =>
          leaf.filter(({ key }) => covers(part, key) && this.#visibility.isIn(part, key)),
        ),
    )
    // `/a-b` sorts between `/a` and `/a/b`, so a part is not a contiguous range.
    return parts.length > 1 ? pairs.sort((a, b) => compareText(a.key, b.key)) : pairs
  }

  /** Records a need for each directory that may contain a match, so that sibling directories are not needed. */
  #needMatches(pattern: Key): void {
    if (this.#needs === undefined) return
    let dirs = [toKey(globBase(pattern))]
    for (const segment of segmentsOf(pattern).slice(segmentsOf(dirs[0] ?? '/').length, -1)) {
      const expression = compileGlob(segment)
      dirs = dirs.flatMap((dir) =>
        this.#names(this.fullKey(dir))
          .filter((name) => expression.test(name))
          .map((name) => joinKeys(dir, name)),
      )
    }
    for (const dir of dirs) {
      for (const part of this.#visibility.parts(this.fullKey(dir))) this.#needs?.add('trees', part)
    }
  }
}

/**
 * Returns the part of a pattern below a key; undefined if nothing there can match. `*` never matches a slash, so the
 * pattern and the key are compared segment by segment.
 */
function narrowed(pattern: string, root: Key): string | undefined {
  const segments = segmentsOf(toKey(pattern))
  const names = segmentsOf(root)
  if (names.length > segments.length) return undefined
  const fits = names.every((name, n) => compileGlob(segments[n] as string).test(name))
  if (!fits) return undefined
  return toKey([...names.map(globEscape), ...segments.slice(names.length)].join('/'))
}

const inside = (dir: string, names: readonly string[]): Key[] =>
  names.map((name) => joinKeys(dir, name))

const segmentsOf = (key: Key): readonly string[] => (key === '/' ? [] : key.slice(1).split('/'))
