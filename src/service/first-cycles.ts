// Decides when a daemon reports READY=1 to the service manager. Services ordered after the daemon then find their
// files up to date, as far as the stores allow.
import type { Progress } from '../observe/progress.ts'

/**
 * Whether every resource has finished its first cycle, successfully or not. Resources that read an unreachable store
 * do not count. In exec mode, the program must have been started too, unless a store is unreachable.
 *
 * Owed reloads do not count either, because waiting for them could cause a deadlock: `systemctl reload` of a service
 * that is ordered after reconfd waits until that service has started, and the service waits for reconfd.
 * @param noop whether this is a -noop run, in which a cycle also ends when it has found a difference
 */
export function areFirstCyclesOver(
  { uses, resources, away, child }: Pick<Progress, 'uses' | 'resources' | 'away' | 'child'>,
  noop: boolean,
): boolean {
  if (uses === undefined) return false
  if (child?.state === 'waiting' && away.size === 0) return false
  return [...uses].every(([name, stores]) => {
    const one = resources.get(name)
    const isOver = one?.isSeen === true || (noop && one?.isOutOfSync === true)
    return isOver || stores.some((store) => away.has(store))
  })
}
