// Ends process groups: asks, waits, and kills what does not listen.
import { setTimeout as sleep } from 'node:timers/promises'
import { allProcesses, signalGroup } from '../system/process.ts'

/** Milliseconds between two looks at a group, of which only the leader's end is reported to us. */
const POLL = 20

/**
 * Asks all processes of a group to end, and kills those that are left when the time is over. Resolves when
 * none is left.
 * @param leaderEnded fulfilled when the leader has ended; absent where that is not reported to us
 */
export async function endGroup(
  leader: number,
  signal: NodeJS.Signals,
  timeout: number,
  leaderEnded?: Promise<unknown>,
): Promise<void> {
  const deadline = performance.now() + timeout
  signalGroup(leader, signal)
  // One that was stopped acts upon the signal when it goes on.
  signalGroup(leader, 'SIGCONT')
  const late = new AbortController()
  if (leaderEnded !== undefined) {
    await Promise.race([leaderEnded, sleep(timeout, undefined, { signal: late.signal })])
    late.abort()
  }
  while (performance.now() < deadline && hasMembers(leader)) await sleep(POLL)
  // Those that appear while they are killed are killed as well.
  while (hasMembers(leader) && signalGroup(leader, 'SIGKILL')) await sleep(POLL)
  await leaderEnded
}

/** Whether anybody of a group is alive: a zombie is not, and may stay for as long as nobody reaps it. */
function hasMembers(group: number): boolean {
  if (!signalGroup(group, 0)) return false
  let known = false
  for (const { stat } of allProcesses()) {
    known = true
    if (stat.group === group && stat.state !== 'Z' && stat.state !== 'X') return true
  }
  // Without /proc the kernel's answer is all there is.
  return !known
}
