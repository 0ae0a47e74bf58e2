// Finds out whether a program has put itself into the background: then it cannot be supervised.
import { readlinkSync, realpathSync } from 'node:fs'
import { allProcesses, statOf, type ProcessId } from '../system/process.ts'

/**
 * The process that has forked away from one that has ended: of the same program, begun since, and handed
 * to whoever reaps orphans. undefined when there is none, or nothing can be seen.
 */
export function forkedFrom({ started }: ProcessId, program: string): number | undefined {
  const wanted = pathOf(() => realpathSync(program))
  if (wanted === undefined || started === 0) return undefined
  const reapers = ancestors()
  for (const { pid, stat } of allProcesses()) {
    if (stat.started < started || stat.state === 'Z' || !reapers.has(stat.parent)) continue
    if (pathOf(() => readlinkSync(`/proc/${pid}/exe`)) === wanted) return pid
  }
  return undefined
}

const pathOf = (find: () => string): string | undefined => {
  try {
    return find()
  } catch {
    return undefined
  }
}

/** Those above us: one of them gets the orphans. */
function ancestors(): ReadonlySet<number> {
  const found = new Set([1])
  for (let pid = statOf(process.pid)?.parent; pid !== undefined && pid > 0;) {
    found.add(pid)
    pid = statOf(pid)?.parent
  }
  return found
}
