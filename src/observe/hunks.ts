// Computes the line diff of a written file for the status page, and masks it for viewers who must not see file
// contents.
import { structuredPatch } from 'diff'
import type { Write } from '../core/plan.ts'

export interface DiffLine {
  readonly sign: ' ' | '+' | '-'
  readonly text: string
}

export interface Hunk {
  /** Such as `@@ -1,3 +1,4 @@`. */
  readonly header: string
  readonly lines: readonly DiffLine[]
}

export type FileDiff =
  | {
      readonly kind: 'lines'
      readonly added: number
      readonly removed: number
      /** At most `LINES_SHOWN` lines. */
      readonly hunks: readonly Hunk[]
      /** Number of lines left out. */
      readonly more: number
      readonly masked: boolean
    }
  /** No diff, with the reason. */
  | { readonly kind: 'none'; readonly why: string }

const LINES_SHOWN = 400
/** Maximum milliseconds for one comparison; short, because a comparison blocks the daemon. */
const DIFF_TIMEOUT = 20
const MASK = '••••••'

/** Replaces every line with the same mask, so that the lengths of lines are hidden, too. */
export function masked(diff: FileDiff): FileDiff {
  if (diff.kind === 'none') return diff
  const hunks = diff.hunks.map(({ header, lines }) => ({
    header,
    lines: lines.map(({ sign }) => ({ sign, text: MASK })),
  }))
  return { ...diff, hunks, masked: true }
}

export function diffOf(write: Write): FileDiff {
  if (write.why === 'metadata') return { kind: 'none', why: 'only owner or mode changed' }
  const before = write.previous.kind === 'file' ? decodeText(write.previous.bytes) : ''
  const after = write.why === 'remove' ? '' : decodeText(write.next.bytes)
  if (before === undefined || after === undefined) return { kind: 'none', why: 'not a text file' }
  if (before === '') return oneSided('+', after)
  if (after === '') return oneSided('-', before)
  const patch = structuredPatch('', '', before, after, undefined, undefined, {
    timeout: DIFF_TIMEOUT,
  })
  if (patch === undefined) return { kind: 'none', why: 'too many changes to compare' }
  const all = patch.hunks.map(({ oldStart, oldLines, newStart, newLines, lines }) => ({
    header: `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
    lines: lines.flatMap(parseLine),
  }))
  const count = (sign: string): number =>
    all.reduce((sum, { lines }) => sum + lines.filter((line) => line.sign === sign).length, 0)
  const [added, removed] = [count('+'), count('-')]
  return { kind: 'lines', added, removed, ...firstOf(all), masked: false }
}

/** The diff of a new or removed file. */
function oneSided(sign: '+' | '-', text: string): FileDiff {
  const lines = text.replace(/\n$/, '').split('\n')
  const count = text === '' ? 0 : lines.length
  const header = sign === '+' ? `@@ -0,0 +1,${count} @@` : `@@ -1,${count} +0,0 @@`
  const hunk = { header, lines: lines.map((line) => ({ sign, text: line })) }
  const sums = sign === '+' ? { added: count, removed: 0 } : { added: 0, removed: count }
  return { kind: 'lines', ...sums, ...firstOf(count === 0 ? [] : [hunk]), masked: false }
}

function parseLine(line: string): DiffLine[] {
  const sign = line[0]
  // Skips `\ No newline at end of file`.
  return sign === ' ' || sign === '+' || sign === '-' ? [{ sign, text: line.slice(1) }] : []
}

function firstOf(all: readonly Hunk[]): { readonly hunks: readonly Hunk[]; readonly more: number } {
  const hunks: Hunk[] = []
  let left = LINES_SHOWN
  let more = 0
  for (const { header, lines } of all) {
    if (left > 0) hunks.push({ header, lines: lines.slice(0, left) })
    more += Math.max(0, lines.length - left)
    left = Math.max(0, left - lines.length)
  }
  return { hunks, more }
}

/** Returns undefined for a binary file, that is, one with a NUL byte. */
function decodeText(bytes: Uint8Array): string | undefined {
  return bytes.includes(0) ? undefined : Buffer.from(bytes).toString('utf8')
}
