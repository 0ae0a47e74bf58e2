// Keys: absolute paths such as /services/web/node-1. Comparison and joining.
import { encodeText } from './bytes.ts'

/** An absolute path such as `/services/web/node-1`; below `/NAME:` are the keys of the store NAME. */
export type Key = `/${string}`

/** `a/b/`, `/a//b` and `/a/b` are all `/a/b`; the empty path is `/`. */
export function toKey(path: string): Key {
  const parts = path.split('/').filter((part) => part !== '')
  return `/${parts.join('/')}`
}

/**
 * A directory entry says that a directory is there, whatever is in it, and what is known of it: the
 * directory with a slash behind it, which no key of a store has. Only listings see it.
 */
export const entryOf = (dir: Key): Key => `${dir}/`

export const isEntry = (key: string): boolean => key.length > 1 && key.endsWith('/')

/** `/production` + `/myapp` = `/production/myapp`. */
export const joinKeys = (...paths: readonly string[]): Key => toKey(paths.join('/'))

/** True for the key itself and everything below it: `/app` covers `/app/x`, never `/application`. */
export function covers(dir: Key, key: string): boolean {
  if (dir === '/') return true
  return key.startsWith(dir) && (key.length === dir.length || key.charCodeAt(dir.length) === 47)
}

/** The key seen from `prefix`: `/production/app/x` from `/production` is `/app/x`. */
export function relativeTo(prefix: Key, key: Key): Key {
  return prefix === '/' ? key : ((key.slice(prefix.length) || '/') as Key)
}

/**
 * The store that a key names: `vault2:/secret/app`, with or without a slash before it, is of the store
 * `vault2`. Undefined for a key that names none. In the tree of all keys each named store has a
 * directory of its own: `/vault2:/secret/app`.
 */
export const storeOf = (key: string): string | undefined =>
  /^\/*([A-Za-z0-9_.-]+):(?:\/|$)/.exec(key)?.[1]

/** Where all keys of a named store lie. */
export const storeRoot = (store: string): Key => `/${store}:`

/** Puts the prefix before a key, unless the key names its store. */
export const fullKey = (prefix: string, key: string): Key =>
  storeOf(key) === undefined ? joinKeys(prefix, key) : toKey(key)

/** A full key as a template sees it: without the prefix, unless it is another store's. */
export const ownKey = (prefix: Key, full: Key): Key =>
  covers(prefix, full) ? relativeTo(prefix, full) : full

/** The ancestors of a key within its store, itself first; `/` is last, unless the key names its store. */
export function* selfAndAncestors(key: Key): Generator<Key> {
  let at: string = key
  while (at.length > 1) {
    yield at as Key
    at = at.slice(0, at.lastIndexOf('/'))
  }
  if (storeOf(key) === undefined) yield '/'
}

/** Drops the paths that another of them covers, so that each key is asked for once. Sorted. */
export function outermost(paths: Iterable<Key>): readonly Key[] {
  const kept: Key[] = []
  for (const path of [...new Set(paths)].sort((a, b) => a.length - b.length || (a < b ? -1 : 1))) {
    const isCovered = (dir: Key): boolean =>
      covers(dir, path) && (dir !== '/' || storeOf(path) === undefined)
    if (!kept.some(isCovered)) kept.push(path)
  }
  return kept.sort(compareText)
}

/**
 * Orders text by its UTF-8 bytes, as Go does; JavaScript's `<` orders by UTF-16 units, which
 * differs where surrogates meet U+E000 to U+FFFF.
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

/** A byte that is not UTF-8 (bytes.ts), not the second half of a surrogate pair. */
const isEscapedByte = (text: string, at: number): boolean =>
  /[\udc80-\udcff]/.test(text.charAt(at)) && !/[\ud800-\udbff]/.test(text.charAt(at - 1))
