// Formats the planned change to a file as a unified diff, for `-diff`. The diff shows file contents, so it goes only to
// standard output, never to a log.
import { createTwoFilesPatch } from 'diff'
import type { Target } from '../core/plan.ts'
import { painted } from '../core/table.ts'
import type { PlannedFile } from '../core/written.ts'

const NOTHING = '/dev/null'
/** Maximum milliseconds for one comparison. */
const DIFF_TIMEOUT = 2000

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** Compares two strings; `from` and `to` are the file names in the header of the diff. */
export function textDiff(from: string, to: string, before: string, after: string): string {
  const diff: string | undefined = createTwoFilesPatch(
    ...([from, to, before, after, undefined, undefined] as const),
    {
      headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
      timeout: DIFF_TIMEOUT,
    },
  )
  return diff ?? summaryDiff(from, to, 'too many changes to compare')
}

const summaryDiff = (from: string, to: string, what: string): string =>
  `--- ${from}\n+++ ${to}\n${what}\n`

const COLOURS: readonly (readonly [line: RegExp, code: number])[] = [
  [/^(?:---|\+\+\+) /, 1],
  [/^@@ /, 36],
  [/^\+/, 32],
  [/^-/, 31],
]

/** Colours a unified diff for a terminal. */
export const colourDiff = (diff: string): string =>
  diff
    .split('\n')
    .map((line) => {
      const code = COLOURS.find(([start]) => start.test(line))?.[1]
      return code === undefined ? line : painted(code, line)
    })
    .join('\n')

/** For a `sensitive` resource or a binary file, shows only the size of the change. */
export function unifiedDiff({ dest, sensitive, write }: PlannedFile): string {
  const { previous } = write
  const before = previous.kind === 'file' ? previous : undefined
  const after = write.why === 'remove' ? undefined : write.next
  const from = before === undefined ? NOTHING : dest
  const to = after === undefined ? NOTHING : dest
  if (write.why === 'metadata') {
    return summaryDiff(from, to, `${metadataText(before)} -> ${metadataText(after)}`)
  }
  const [was, is] = [before?.bytes ?? new Uint8Array(), after?.bytes ?? new Uint8Array()]
  if (was.includes(0) || is.includes(0)) {
    return summaryDiff(from, to, `not a text file: ${was.length} bytes before, ${is.length} after`)
  }
  const diff = textDiff(from, to, text(was), text(is))
  if (!sensitive) return diff
  const count = (sign: RegExp): number =>
    diff
      .split('\n')
      .slice(2)
      .filter((l) => sign.test(l)).length
  return summaryDiff(
    from,
    to,
    `masked because the resource is sensitive: +${count(/^\+/)} -${count(/^-/)} lines`,
  )
}

const metadataText = (file: Target | undefined): string =>
  file === undefined
    ? ''
    : `mode ${file.mode.toString(8).padStart(4, '0')}, owner ${file.uid ?? ''}:${file.gid ?? ''}`
