// Implements Go's path.Match (https://pkg.go.dev/path#Match) with compiled patterns. As in Go, a star takes the nearest
// match of the following chunk, without backtracking, so the time of a test is bounded by the product of the lengths of
// pattern and text.
import { raise } from './fault.ts'

/** A compiled pattern. */
export interface Glob {
  test(text: string): boolean
}

/** Matches one character: any character except `/`, or a set of code point ranges, possibly negated. */
type One =
  | { readonly kind: 'any' }
  | {
      readonly kind: 'set'
      readonly negated: boolean
      readonly ranges: readonly (readonly [low: number, high: number])[]
    }

/** The part of a pattern between two stars: literals and single-character matchers. */
interface Chunk {
  readonly afterStar: boolean
  readonly parts: readonly (string | One)[]
}

const compiled = new Map<string, Glob | undefined>()
/** Maximum size of the cache. Patterns may contain keys, which come and go. */
const MAX_COMPILED = 10_000

/** @throws a template fault for a malformed pattern (Go's ErrBadPattern) */
export const compileGlob = (pattern: string): Glob =>
  compile(pattern) ?? raise('template', `syntax error in pattern "${pattern}"`)

export const isMalformed = (pattern: string): boolean => compile(pattern) === undefined

function compile(pattern: string): Glob | undefined {
  if (compiled.has(pattern)) return compiled.get(pattern)
  const chunks = parse(pattern)
  const made = chunks && { test: (text: string) => matches(chunks, text) }
  if (compiled.size >= MAX_COMPILED) compiled.clear()
  compiled.set(pattern, made)
  return made
}

/** Splits a pattern into chunks. Returns undefined if it is malformed. */
function parse(pattern: string): readonly Chunk[] | undefined {
  const chars = [...pattern]
  const chunks: { afterStar: boolean; parts: (string | One)[] }[] = []
  let at = 0
  while (at < chars.length) {
    const chunk = { afterStar: chars[at] === '*', parts: [] as (string | One)[] }
    while (chars[at] === '*') at++
    while (at < chars.length && chars[at] !== '*') {
      let char = chars[at++] as string
      if (char === '?') chunk.parts.push({ kind: 'any' })
      else if (char === '[') {
        const set = parseSet(chars, at)
        if (set === undefined) return undefined
        chunk.parts.push(set.one)
        at = set.next
      } else {
        if (char === '\\') {
          const escaped = chars[at++]
          if (escaped === undefined) return undefined
          char = escaped
        }
        const last = chunk.parts.at(-1)
        if (typeof last === 'string') chunk.parts[chunk.parts.length - 1] = last + char
        else chunk.parts.push(char)
      }
    }
    chunks.push(chunk)
  }
  return chunks
}

/** Parses a set such as `[a-z]`. @param start index after the opening bracket */
function parseSet(chars: readonly string[], start: number): { one: One; next: number } | undefined {
  let at = start
  const negated = chars[at] === '^'
  if (negated) at++
  const member = (): number | undefined => {
    let char = chars[at++]
    if (char === '-' || char === ']') return undefined
    if (char === '\\') char = chars[at++]
    return char?.codePointAt(0)
  }
  const ranges: [number, number][] = []
  while (ranges.length === 0 || chars[at] !== ']') {
    const low = member()
    const isRange = chars[at] === '-'
    if (isRange) at++
    const high = isRange ? member() : low
    if (low === undefined || high === undefined) return undefined
    ranges.push([low, high])
  }
  return { one: { kind: 'set', negated, ranges }, next: at + 1 }
}

function matches(chunks: readonly Chunk[], text: string): boolean {
  let at = 0
  // Hot path: called for every key of a directory.
  for (let i = 0; i < chunks.length; i++) {
    const { afterStar, parts } = chunks[i] as Chunk
    if (parts.length === 0) return !text.includes('/', at)
    const isLast = i === chunks.length - 1
    let end = endOfChunk(parts, text, at, isLast)
    if (end < 0 && afterStar) {
      // A star does not match a slash.
      const slash = text.indexOf('/', at)
      const limit = slash < 0 ? text.length : slash
      for (let from = at + 1; end < 0 && from <= limit; from++) {
        end = endOfChunk(parts, text, from, isLast)
      }
    }
    if (end < 0) return false
    at = end
  }
  return at === text.length
}

/** Like matchAt(), but the last chunk must reach the end of the text. */
function endOfChunk(parts: Chunk['parts'], text: string, from: number, isLast: boolean): number {
  const end = matchAt(parts, text, from)
  return isLast && end < text.length ? -1 : end
}

/** The end of the match at `from`; -1 if there is none. */
function matchAt(parts: Chunk['parts'], text: string, from: number): number {
  let at = from
  for (const part of parts) {
    if (typeof part === 'string') {
      if (!text.startsWith(part, at)) return -1
      at += part.length
      continue
    }
    const code = text.codePointAt(at)
    if (code === undefined || !isOne(part, code)) return -1
    at += code > 0xffff ? 2 : 1
  }
  return at
}

function isOne(one: One, code: number): boolean {
  if (one.kind === 'any') return code !== 0x2f
  return one.ranges.some(([low, high]) => low <= code && code <= high) !== one.negated
}

/** Returns a pattern that matches only this text. */
export const globEscape = (text: string): string => text.replace(/[*?[\\]/g, '\\$&')

/** The directory part of a pattern before its first special character. */
export function globBase(pattern: string): string {
  const special = pattern.search(/[*?[\\]/)
  return special < 0 ? pattern : pattern.slice(0, pattern.lastIndexOf('/', special))
}
