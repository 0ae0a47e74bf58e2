// Stops process groups: sends a signal, waits, and kills the processes that remain.
import { setTimeout as sleep } from 'node:timers/promises'
import { allProcesses, signalGroup } from '../system/process.ts'

/**
 * Poll interval in milliseconds. Only the exit of the leader is reported to reconfd, so the other processes are polled.
 */
const POLL = 20

/**
 * Sends a signal to all processes in a group. Kills the remaining processes after the timeout. Resolves when no process
 * in the group is running.
 * @param leaderEnded resolves when the leader has ended; absent if the leader is not a child of reconfd
 */
export async function endGroup(
  leader: number,
  signal: NodeJS.Signals,
  timeout: number,
  leaderEnded?: Promise<unknown>,
): Promise<void> {
  const deadline = performance.now() + timeout
  signalGroup(leader, signal)
  // A suspended process handles the signal only after SIGCONT.
  signalGroup(leader, 'SIGCONT')
  const late = new AbortController()
  if (leaderEnded !== undefined) {
    await Promise.race([leaderEnded, sleep(timeout, undefined, { signal: late.signal })])
    late.abort()
  }
  while (performance.now() < deadline && hasMembers(leader)) await sleep(POLL)
  // Kills repeatedly, because processes may fork meanwhile.
  while (hasMembers(leader) && signalGroup(leader, 'SIGKILL')) await sleep(POLL)
  await leaderEnded
}

/** Whether the group has a live process. Zombies do not count, because they may never be reaped. */
function hasMembers(group: number): boolean {
  if (!signalGroup(group, 0)) return false
  let known = false
  for (const { stat } of allProcesses()) {
    known = true
    if (stat.group === group && stat.state !== 'Z' && stat.state !== 'X') return true
  }
  // Without /proc, zombies cannot be distinguished from live processes.
  return !known
}
