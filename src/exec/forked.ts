// Detects that a program has daemonized itself and so cannot be supervised.
import { readlinkSync, realpathSync } from 'node:fs'
import { allProcesses, statOf, type ProcessId } from '../system/process.ts'

/**
 * Finds the daemonized process that an exited process left behind. Such a process runs the same program, was started no
 * earlier than the exited process, and has a parent that adopts orphans. Returns undefined if there is no such process,
 * or /proc is unreadable.
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

/** The ancestors of reconfd; one of them adopts orphaned processes. */
function ancestors(): ReadonlySet<number> {
  const found = new Set([1])
  for (let pid = statOf(process.pid)?.parent; pid !== undefined && pid > 0;) {
    found.add(pid)
    pid = statOf(pid)?.parent
  }
  return found
}
