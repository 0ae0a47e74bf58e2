// When a daemon is ready, in the sense of the service manager: what is started after it finds its files
// up to date, as far as that is possible now.
import type { Progress } from '../observe/progress.ts'

/**
 * Whether every resource has been through its first cycle, well or badly, or reads a store that is away.
 * Reloads are not waited for: `systemctl reload` of a service that is ordered after this one would wait
 * for that service, which waits for us. The program of exec mode has been started, unless a store is away.
 * @param noop a difference that is found ends the cycle
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
