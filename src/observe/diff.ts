// The planned change of a file as a unified diff, for `-diff`. It shows contents: it goes to standard
// output because somebody asked for it, never to a log.
import { createTwoFilesPatch } from 'diff'
import type { Write } from '../core/plan.ts'

const NOTHING = '/dev/null'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

/** @param from the name of what was, `to` of what is to be */
export function textDiff(from: string, to: string, before: string, after: string): string {
  return createTwoFilesPatch(from, to, before, after, undefined, undefined, {
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  })
}

const COLOURS: readonly (readonly [line: RegExp, code: number])[] = [
  [/^(?:---|\+\+\+) /, 1],
  [/^@@ /, 36],
  [/^\+/, 32],
  [/^-/, 31],
]

/** A unified diff with colours for a terminal. */
export const colourDiff = (diff: string): string =>
  diff
    .split('\n')
    .map((line) => {
      const code = COLOURS.find(([start]) => start.test(line))?.[1]
      return code === undefined ? line : `\u001b[${code}m${line}\u001b[0m`
    })
    .join('\n')

export function unifiedDiff(dest: string, write: Write): string {
  const { previous } = write
  const [from, before] = previous.kind === 'file' ? [dest, text(previous.bytes)] : [NOTHING, '']
  const [to, after] = write.why === 'remove' ? [NOTHING, ''] : [dest, text(write.next.bytes)]
  return textDiff(from, to, before, after)
}
