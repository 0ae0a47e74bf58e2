// Keys: absolute paths such as /services/web/node-1, with functions to normalise, join, compare and resolve them.
import { encodeText } from './bytes.ts'

/** An absolute path such as `/services/web/node-1`. The keys of the named store NAME are below `/NAME:`. */
export type Key = `/${string}`

/** Normalises a path: `a/b/`, `/a//b` and `/a/b` become `/a/b`; the empty path becomes `/`. */
export function toKey(path: string): Key {
  const parts = path.split('/').filter((part) => part !== '')
  return `/${parts.join('/')}`
}

/**
 * The key of a directory entry: the directory with a trailing slash, which no key of a store has. An entry records that
 * a directory exists, even if it is empty, and may contain data about the directory. Only listings see entries.
 */
export const entryOf = (dir: Key): Key => `${dir}/`

export const isEntry = (key: string): boolean => key.length > 1 && key.endsWith('/')

/** `/production` + `/myapp` = `/production/myapp`. */
export const joinKeys = (...paths: readonly string[]): Key => toKey(paths.join('/'))

/** Whether `key` is `dir` or below it: `/app` covers `/app/x` but not `/application`. */
export function covers(dir: Key, key: string): boolean {
  if (dir === '/') return true
  return key.startsWith(dir) && (key.length === dir.length || key.charCodeAt(dir.length) === 47)
}

/** The key relative to `prefix`: `/production/app/x` relative to `/production` is `/app/x`. */
export function relativeTo(prefix: Key, key: Key): Key {
  return prefix === '/' ? key : ((key.slice(prefix.length) || '/') as Key)
}

/**
 * The name of the store in a key: `vault2:/secret/app`, with or without a leading slash, belongs to the store
 * `vault2`. Undefined for the default store. In the tree of all keys, each named store has its own directory:
 * `/vault2:/secret/app`.
 */
export const storeOf = (key: string): string | undefined =>
  /^\/*([A-Za-z0-9_.-]+):(?:\/|$)/.exec(key)?.[1]

/** The directory that contains all keys of a named store. */
export const storeRoot = (store: string): Key => `/${store}:`

/** Adds the prefix to a key, unless the key names its store. */
export const fullKey = (prefix: string, key: string): Key =>
  storeOf(key) === undefined ? joinKeys(prefix, key) : toKey(key)

/** A full key as a template sees it: without the prefix, unless the key belongs to another store. */
export const ownKey = (prefix: Key, full: Key): Key =>
  covers(prefix, full) ? relativeTo(prefix, full) : full

/** Yields the key and its ancestors within its store. The last one is `/`, unless the key names its store. */
export function* selfAndAncestors(key: Key): Generator<Key> {
  let at: string = key
  while (at.length > 1) {
    yield at as Key
    at = at.slice(0, at.lastIndexOf('/'))
  }
  if (storeOf(key) === undefined) yield '/'
}

/** Returns the paths that no other path covers, sorted, so that each key is requested once. */
export function outermost(paths: Iterable<Key>): readonly Key[] {
  const all = new Set(paths)
  const isCovered = (path: Key): boolean =>
    [...selfAndAncestors(path)].some((at) => at !== path && all.has(at))
  return [...all].filter((path) => !isCovered(path)).sort(compareText)
}

/**
 * Compares text by its UTF-8 bytes, as Go does. JavaScript's `<` compares UTF-16 units, which puts surrogate pairs
 * before U+E000 to U+FFFF.
 */
export function compareText(a: string, b: string): number {
  const end = Math.min(a.length, b.length)
  for (let i = 0; i < end; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const highX = x >= 0xd800 && x <= 0xdfff
    const highY = y >= 0xd800 && y <= 0xdfff
    if (!highX && !highY) return x - y
    if (isEscapedByte(a, i) || isEscapedByte(b, i)) {
      return encodeText(a.slice(i)).compare(encodeText(b.slice(i)))
    }
    return highX === highY ? x - y : highX ? 1 : -1
  }
  return a.length - b.length
}

/** Whether a character is an escaped byte (bytes.ts) and not the second half of a surrogate pair. */
const isEscapedByte = (text: string, at: number): boolean =>
  /[\udc80-\udcff]/.test(text.charAt(at)) && !/[\ud800-\udbff]/.test(text.charAt(at - 1))
