// Detects that a program has daemonized itself and so cannot be supervised.
import { readlinkSync, realpathSync } from 'node:fs'
import { allProcesses, statOf, type ProcessId } from '../system/process.ts'

/**
 * Finds the daemonized process of an ended one: it runs the same program, started later, and its parent is a
 * process that reaps orphans. Undefined if there is none, or /proc is unreadable.
 */
export function forkedFrom({ started }: ProcessId, program: string): number | undefined {
  const wanted = tryPath(() => realpathSync(program))
  if (wanted === undefined || started === 0) return undefined
  const reapers = ancestors()
  for (const { pid, stat } of allProcesses()) {
    if (stat.started < started || stat.state === 'Z' || !reapers.has(stat.parent)) continue
    if (tryPath(() => readlinkSync(`/proc/${pid}/exe`)) === wanted) return pid
  }
  return undefined
}

const tryPath = (find: () => string): string | undefined => {
  try {
    return find()
  } catch {
    return undefined
  }
}

/** Our ancestors; one of them adopts orphans. */
function ancestors(): ReadonlySet<number> {
  const found = new Set([1])
  for (let pid = statOf(process.pid)?.parent; pid !== undefined && pid > 0;) {
    found.add(pid)
    pid = statOf(pid)?.parent
  }
  return found
}
