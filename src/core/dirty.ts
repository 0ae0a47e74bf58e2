// Finds the resources that a change makes dirty, with an inverted index of their last reads. The cost depends on the
// number of changed keys and their depth, not on the number of resources or keys.
import { CAUSES_NAMED, type Cause } from './cause.ts'
import { globBase, compileGlob } from './glob.ts'
import { selfAndAncestors, toKey, type Key } from './key.ts'
import type { Changes } from './mirror.ts'
import type { Reads } from './reads.ts'

/** Maps each key, directory, pattern or file that was read to the names of the resources that read it. */
class Index {
  readonly #names = new Map<string, Set<string>>()

  add(what: string, name: string): void {
    const names = this.#names.get(what)
    if (names === undefined) this.#names.set(what, new Set([name]))
    else names.add(name)
  }

  delete(what: string, name: string): void {
    const names = this.#names.get(what)
    if (names?.delete(name) === true && names.size === 0) this.#names.delete(what)
  }

  collect(what: string, into: Set<string>): void {
    for (const name of this.#names.get(what) ?? []) into.add(name)
  }

  get(what: string): ReadonlySet<string> {
    return this.#names.get(what) ?? new Set()
  }
}

export class DirtyIndex {
  readonly #reads = new Map<string, readonly Reads[]>()
  readonly #keys = new Index()
  readonly #trees = new Index()
  readonly #listings = new Index()
  /** Patterns by the directory that contains all their matches. */
  readonly #patterns = new Index()
  readonly #patternReaders = new Index()
  readonly #files = new Index()

  /** Replaces the reads of a resource with those of its newest render. */
  set(name: string, reads: readonly Reads[]): void {
    this.#each(name, this.#reads.get(name) ?? [], (index, what, who) => index.delete(what, who))
    this.#each(name, reads, (index, what, who) => index.add(what, who))
    if (reads.length > 0) this.#reads.set(name, reads)
    else this.#reads.delete(name)
  }

  /** The resources whose last reads include changed keys, each with those keys as its cause. */
  affected(changes: Changes): ReadonlyMap<string, Cause> {
    const causes = new Map<string, { keys: Key[]; files: []; more: number }>()
    const dirty = new Set<string>()
    for (const [key, how] of changes) {
      dirty.clear()
      this.#keys.collect(key, dirty)
      for (const dir of selfAndAncestors(key)) {
        this.#trees.collect(dir, dirty)
        if (how !== 'value') this.#listings.collect(dir, dirty)
        for (const pattern of this.#patterns.get(dir)) {
          if (compileGlob(pattern).test(key)) this.#patternReaders.collect(pattern, dirty)
        }
      }
      for (const name of dirty) {
        const cause = causes.get(name)
        if (cause === undefined) causes.set(name, { keys: [key], files: [], more: 0 })
        else if (cause.keys.length < CAUSES_NAMED) cause.keys.push(key)
        else cause.more++
      }
    }
    return causes
  }

  /** The resources whose last render used a file: a template, an include, or a file that a template read. */
  usersOf(file: string): Set<string> {
    return new Set(this.#files.get(file))
  }

  #each(
    name: string,
    reads: readonly Reads[],
    act: (index: Index, what: string, who: string) => void,
  ): void {
    for (const one of reads) {
      for (const key of one.keys) act(this.#keys, key, name)
      for (const dir of one.trees) act(this.#trees, dir, name)
      for (const dir of one.listings) act(this.#listings, dir, name)
      for (const file of one.files) act(this.#files, file, name)
      for (const pattern of one.patterns) {
        const dir: Key = toKey(globBase(pattern))
        if (this.#patternReaders.get(pattern).size === 0) this.#patterns.add(dir, pattern)
        act(this.#patternReaders, pattern, name)
        if (this.#patternReaders.get(pattern).size === 0) this.#patterns.delete(dir, pattern)
      }
    }
  }
}
