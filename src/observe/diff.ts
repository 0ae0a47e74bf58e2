// The planned change of a file as a unified diff, for `-diff`. It shows contents: it goes to standard
// output because somebody asked for it, never to a log.
import { createTwoFilesPatch } from 'diff'
import type { Observed, Target } from '../core/plan.ts'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

export function unifiedDiff(dest: string, previous: Observed, next: Target): string {
  const before = previous.kind === 'file' ? text(previous.bytes) : ''
  const from = previous.kind === 'file' ? dest : '/dev/null'
  return createTwoFilesPatch(from, dest, before, text(next.bytes), undefined, undefined, {
    headerOptions: { includeIndex: false, includeUnderline: false, includeFileHeaders: true },
  })
}
