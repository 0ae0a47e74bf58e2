// Processes by more than their number: a pid is used again, a pid with its start time is not.
import { readFileSync } from 'node:fs'

export interface ProcessId {
  readonly pid: number
  /** In clock ticks since the boot (proc(5), field 22 of stat); 0 where there is no /proc. */
  readonly started: number
}

/** This process. */
export function thisProcess(): ProcessId {
  return { pid: process.pid, started: startOf(process.pid) ?? 0 }
}

/** Whether that very process runs. Without /proc, whether one of that number does. */
export function isRunning({ pid, started }: ProcessId): boolean {
  const now = startOf(pid)
  if (now !== undefined && started !== 0) return now === started
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Counted from behind the name, which may hold anything.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return undefined
  }
}
