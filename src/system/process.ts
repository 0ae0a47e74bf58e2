// Identifies and inspects processes. Process ids are reused; a pid with its start time is unique until a reboot.
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessId {
  readonly pid: number
  /** Start time in clock ticks since boot (proc(5), field 22 of stat); 0 without /proc. */
  readonly started: number
}

/** Fields of /proc/PID/stat, see proc(5). */
export interface ProcessStat {
  /** One letter, such as `R`, `S`, `T` (stopped) or `Z` (zombie). */
  readonly state: string
  readonly parent: number
  readonly group: number
  readonly session: number
  readonly started: number
}

/** This process. */
export const thisProcess = (): ProcessId => processOf(process.pid)

/** The process that currently has this pid. */
export const processOf = (pid: number): ProcessId => ({ pid, started: statOf(pid)?.started ?? 0 })

/** Whether exactly this process is still running. Without /proc, whether any process has its pid. */
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

/** Returns undefined if there is no such process, or no /proc. */
export function statOf(pid: number): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name in parentheses may contain anything, so count the fields after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const [parent, group, session] = fields.slice(1, 4).map(Number) as [number, number, number]
    return { state: fields[0] ?? '', parent, group, session, started: Number(fields[19]) }
  } catch {
    return undefined
  }
}

/** Identifies the current boot, because pids and start times may repeat after a reboot; empty without /proc. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return ''
  }
}

/** How a process handles a signal that is sent to it. */
type Handling =
  | 'caught'
  /** The process sleeps while the signal is blocked, or waits in sigwait(3). */
  | 'awaited'
  /** The signal is blocked for now. The process may be starting another program, for which it blocks all signals. */
  | 'blocked'
  | 'none'

/** Returns undefined without /proc. */
export function handlingOf(pid: number, signal: number): Handling | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const has = (mask: string): boolean => {
      const [, digits = '0'] = new RegExp(`^${mask}:\\s*([0-9a-f]+)$`, 'm').exec(status) ?? []
      return (BigInt(`0x${digits}`) & (1n << BigInt(signal - 1))) !== 0n
    }
    if (has('SigCgt')) return 'caught'
    // While a process waits for its child to start a program (vfork), its state is D. In between, it is R.
    if (has('SigBlk')) return /^State:\s*S/m.test(status) ? 'awaited' : 'blocked'
    // During sigwait(3), the kernel does not list the signals that the process waits for as blocked.
    return waitsIn(pid).includes('sigtimedwait') ? 'awaited' : 'none'
  } catch {
    return undefined
  }
}

/** Returns the function of the kernel in which a process sleeps; empty or 0 if this is not known. */
function waitsIn(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'latin1')
  } catch {
    return ''
  }
}

/** All processes, including zombies; none without /proc. */
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
 * Sends a signal to all processes of a group; signal 0 only tests whether there are any. Returns false if no process is
 * left, or if we may not signal any of them, for example after setuid.
 */
export function signalGroup(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-leader, signal)
    return true
  } catch {
    return false
  }
}
