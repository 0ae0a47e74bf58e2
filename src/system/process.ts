// Processes by more than their number: a pid is used again, a pid with its start time is not.
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessId {
  readonly pid: number
  /** In clock ticks since the boot (proc(5), field 22 of stat); 0 where there is no /proc. */
  readonly started: number
}

/** What the kernel tells of a process: proc(5), `stat`. */
export interface ProcessStat {
  /** One letter, such as `R`, `S`, `T` (stopped) and `Z` (zombie). */
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly started: number
}

/** This process. */
export const thisProcess = (): ProcessId => processOf(process.pid)

/** The process that has this number now. */
export const processOf = (pid: number): ProcessId => ({ pid, started: statOf(pid)?.started ?? 0 })

/** Whether that very process runs. Without /proc, whether one of that number does. */
export function isRunning({ pid, started }: ProcessId): boolean {
  const now = statOf(pid)?.started
  if (now !== undefined && started !== 0) return now === started
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** undefined when there is no such process, or no /proc. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Counted from behind the name, which may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent, group, session] = fields.slice(1, 4).map(Number) as [number, number, number]
    return { state: fields[0] ?? '', parent, group, session, started: Number(fields[19]) }
  } catch {
    return undefined
  }
}

/** Differs after each boot, when pids and start times may be the same again; empty where there is no /proc. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}

/**
 * What a process does with a signal: it has a handler, it has the signal blocked, or neither. A shell blocks all
 * of them for a moment whenever it starts a command. undefined where there is no /proc.
 */
export function handlingOf(pid: number, signal: number): 'caught' | 'blocked' | 'none' | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const has = (mask: string): boolean => {
      const [, digits = '0'] = new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? []
      return (BigInt(`0x${digits}`) & (1n << BigInt(signal - 1))) !== 0n
    }
    return has('SigCgt') ? 'caught' : has('SigBlk') ? 'blocked' : 'none'
  } catch {
    return undefined
  }
}

/** All processes, zombies included; none where there is no /proc. */
export function* allProcesses(): Generator<{ readonly pid: number; readonly stat: ProcessStat }> {
  for (const name of readableNames('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    if (stat !== undefined) yield { pid: Number(name), stat }
  }
}

function readableNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/**
 * Signals all processes of a group; 0 only asks. False when there are none left; or when they belong to
 * another user by now (setuid), beyond our reach.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal)
    return true
  } catch {
    return false
  }
}
