// The planned change of a file as a unified diff, for `-diff`. It shows contents: it goes to standard
// output because somebody asked for it, never to a log.
import { createTwoFilesPatch } from 'diff'
import type { Write } from '../core/plan.ts'

const NOTHING = '/dev/null'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

export function unifiedDiff(dest: string, write: Write): string {
  const { previous } = write
  const [from, before] = previous.kind === 'file' ? [dest, text(previous.bytes)] : [NOTHING, '']
  const [to, after] = write.why === 'remove' ? [NOTHING, ''] : [dest, text(write.next.bytes)]
  return createTwoFilesPatch(from, to, before, after, undefined, undefined, {
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  })
}
