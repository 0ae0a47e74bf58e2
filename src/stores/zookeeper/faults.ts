// Explains failures of sessions to the operator: what happened, and what to check.
import { FaultError, type Fault } from '../../core/fault.ts'
import type { Limits } from '../../core/settings.ts'
import { duration } from '../../core/words.ts'
import { tooLarge } from '../limits.ts'
import { errorName } from './protocol.ts'

/** A fault whose message begins with `place`, such as `ZooKeeper at 127.0.0.1:2181`. */
export const zookeeperFault = (
  place: string,
  what: string,
  more: Partial<Fault> = {},
): FaultError => new FaultError({ kind: 'store', message: `${place} ${what}`, ...more })

/** @param what describes the error in the received bytes, without quoting them */
export const noZookeeper = (place: string, what: string): FaultError =>
  zookeeperFault(place, `does not speak ZooKeeper's protocol: ${what}`, {
    hint: 'check -node and -scheme (https for TLS): this may not be the client port of ZooKeeper',
  })

export const packetTooLarge = (place: string, { message: most }: Limits): FaultError =>
  tooLarge({ most, option: '-max-message' }, place, 'a packet')

/** @param timeout milliseconds */
export const tooQuiet = (place: string, what: string, timeout: number): FaultError =>
  new FaultError({
    kind: 'store',
    message: `cannot reach ${place}: ${what} within ${duration(timeout)}`,
    hint: 'check that ZooKeeper is running there and has a quorum, and check -node',
  })

export const hungUp = (place: string, hadSession: boolean): FaultError =>
  hadSession
    ? zookeeperFault(place, 'closed the connection')
    : zookeeperFault(place, 'closed the connection before there was a session', {
        hint:
          "check the server's log: it may have no quorum, it may have too many connections from here " +
          '(maxClientCnxns), or it may require TLS (-scheme https)',
      })

/** @param error the server's error code */
export const authFailed = (place: string, user: string | undefined, error: number): FaultError =>
  zookeeperFault(place, `refuses the user ${JSON.stringify(user)}`, {
    hint: `check -username and -password, and that the server supports digest authentication (${errorName(error)})`,
    permanent: true,
  })
