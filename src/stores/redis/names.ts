// Maps names in Redis to keys. The name `/a/b` becomes the key `/a/b`. With the separator `:`, the name `a:b` becomes
// the same key. A hash is a directory: the field `f` of the hash `/a` is the key `/a/f`.
import { selfAndAncestors, type Key } from '../../core/key.ts'
import { coveredBy, rootsOf } from '../roots.ts'

export class RedisNames {
  constructor(readonly separator: string) {}

  /** The key for a name; undefined for a name that is not a path (`a//b`, or `app/x` with the separator `/`). */
  keyOf(name: string): Key | undefined {
    const { separator } = this
    if (separator === '/') {
      const odd = !name.startsWith('/') || name.endsWith('/') || name.includes('//')
      return odd ? undefined : (name as Key)
    }
    const parts = name.split(separator)
    const odd = parts.some((part) => part === '' || part.includes('/'))
    return odd ? undefined : `/${parts.join('/')}`
  }

  nameOf(key: Key): string {
    return this.separator === '/' ? key : key.slice(1).replaceAll('/', this.separator)
  }

  /** The key for a field of a hash. */
  fieldKey(name: string, field: string): Key | undefined {
    return this.keyOf(name + this.separator + field)
  }

  /** The field in the hash `dir` that becomes this key. */
  fieldOf(dir: Key, key: Key): string {
    return this.nameOf(key).slice(this.nameOf(dir).length + this.separator.length)
  }
}

/** The wanted part of a database: names below the prefixes, and hashes above them. */
export class RedisScope {
  readonly covers: (key: Key) => boolean
  /**
   * Names above the prefixes. Hashes with these names may contain wanted keys: the field `db` of the hash `/app` is the
   * key `/app/db`.
   */
  readonly above: ReadonlySet<string>
  /** Common prefix of all wanted names below the prefixes. */
  readonly start: string
  /** Pattern for SCAN: the most specific pattern that matches all wanted names below the prefixes. */
  readonly match: string
  /** Patterns that match the names below the prefixes, and possibly unwanted neighbours. */
  readonly patterns: readonly string[]

  constructor(
    readonly names: RedisNames,
    prefixes: readonly Key[],
  ) {
    this.covers = coveredBy(prefixes)
    const roots = rootsOf(prefixes).map((root) => names.nameOf(root))
    this.patterns = roots.map((root) => `${escapeGlob(root)}*`)
    this.start = commonStart(roots)
    this.match = `${escapeGlob(this.start)}*`
    const above = prefixes.flatMap((prefix) => [...selfAndAncestors(prefix)].slice(1, -1))
    this.above = new Set(above.filter((key) => !this.covers(key)).map((key) => names.nameOf(key)))
  }

  /** Whether the value of this name can contain a wanted key. */
  wants(name: string): boolean {
    if (this.above.has(name)) return true
    const key = this.names.keyOf(name)
    return key !== undefined && this.covers(key)
  }
}

/** The pattern that matches exactly this string. https://redis.io/docs/latest/commands/keys/ */
export const escapeGlob = (text: string): string => text.replace(/[\\*?[\]]/g, '\\$&')

function commonStart(texts: readonly string[]): string {
  const [first = '', ...others] = texts
  let length = first.length
  for (const text of others) while (!text.startsWith(first.slice(0, length))) length--
  // Half of a surrogate pair has no UTF-8 encoding.
  return first.slice(0, length).replace(/[\ud800-\udbff]$/, '')
}
