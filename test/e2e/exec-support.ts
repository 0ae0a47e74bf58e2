// A program for exec mode that logs its starts, reloads and signals, and a site that runs it.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import type { LogLine, Running, Site } from './support.ts'
import { withSite } from './support.ts'

/** Appends lines to `log`: `start VALUE`, `reload VALUE`, and the name of each other signal received. */
const PROGRAM = `#!/bin/sh
cd "$(dirname "$0")"
say() { echo "$*" >> log; }
trap 'say "reload $(cat a)"' USR1
trap 'say usr2' USR2
trap 'say hup' HUP
trap 'say term; exit 3' TERM
trap 'say int; exit 4' INT
trap 'say quit; exit 5' QUIT
[ -f before ] && . ./before
echo $$ > pid
say "start $(cat a)"
while :; do sleep 0.05; done
`

export interface Exec {
  readonly site: Site
  /** Sets the key from which the file `a` is rendered. */
  readonly set: (value: string) => void
  readonly start: (...args: readonly string[]) => Running
  /** Waits until the program's log consists of exactly these lines. */
  readonly says: (run: Running, ...lines: readonly string[]) => Promise<void>
  readonly lines: () => readonly string[]
  /** Returns the process id of the program that was started last. */
  readonly pid: () => number
}

/**
 * @param toml the text of confd.toml
 * @param before a shell script that the program runs first
 */
export async function withExec(
  { toml = '[exec]\nreload_signal = "USR1"\n', before = '', fields = {} },
  use: (exec: Exec) => Promise<void>,
): Promise<void> {
  await withSite([], async (site) => {
    const keys = site.path('keys.yaml')
    const set = (value: string): void => writeFileSync(keys, `a: ${value}\n`)
    set('one')
    site.config(toml)
    site.template('a', '{{ getv("/a") }}')
    site.resource('a', fields)
    writeFileSync(site.path('program'), PROGRAM)
    chmodSync(site.path('program'), 0o755)
    if (before !== '') writeFileSync(site.path('before'), before)
    const lines = (): readonly string[] => (site.read('log') ?? '').split('\n').slice(0, -1)
    await use({
      site,
      set,
      start: (...args) => site.start('-file', keys, '-debounce', '0', ...args),
      says: async (run, ...expected) =>
        run
          .until('the program says it', () => lines().join('\n') === expected.join('\n'))
          .catch((error: unknown) => {
            const differ = `said: ${lines().join(', ')}; expected: ${expected.join(', ')}`
            throw new Error(differ, { cause: error })
          }),
      lines,
      pid: () => Number(readFileSync(site.path('pid'), 'utf8')),
    })
  })
}

/** Returns the newest log line with this event. */
export const lineOf = (run: Running, event: LogLine['event']): Record<string, unknown> =>
  (run.log.findLast((line) => line.event === event) ?? {}) as unknown as Record<string, unknown>

/** Returns the number of log lines with this event. */
export const countOf = (run: Running, event: LogLine['event']): number =>
  run.log.filter((line) => line.event === event).length
