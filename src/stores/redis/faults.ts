// Explains error replies from Redis to the operator: what is wrong, and what to do.
import { FaultError, type Fault } from '../../core/fault.ts'
import { serverText } from '../server-text.ts'

/** An error reply, such as `NOPERM ...`. Its text may quote arguments of the command. */
export class ReplyError extends Error {
  /** The first word, which identifies the kind of error. */
  readonly code: string

  constructor(readonly text: string) {
    super(text)
    this.code = /^[A-Z]+/.exec(text)?.[0] ?? 'ERR'
  }
}

/** Whether the server does not allow or does not know the command. */
export const isRefused = (error: unknown): boolean =>
  error instanceof ReplyError && (error.code === 'NOPERM' || /unknown .*command/i.test(error.text))

type Explained = readonly [what: string, hint: string, permanent?: true]

const needed = '+@read +@connection +psubscribe +config|get'

const explanations: Readonly<Record<string, Explained>> = {
  NOAUTH: ['requires a password', 'set CONFD_PASSWORD, and -username for a user of the ACL', true],
  WRONGPASS: ['refuses the user or the password', 'check -username and CONFD_PASSWORD', true],
  NOPERM: [
    'does not let the user read the keys',
    `let the user read them: ACL SETUSER NAME ${needed} ~PREFIX*`,
    true,
  ],
  NOPROTO: ['does not speak RESP3', 'use Redis 6 or later, or Valkey', true],
  LOADING: [
    'is still loading its data',
    'no action is needed: reconfd retries until the data is loaded',
  ],
  MASTERDOWN: ['is a replica without its master', 'check the replication'],
  BUSY: [
    'is busy with a script',
    'stop the script with SCRIPT KILL if it does not finish by itself',
  ],
  DENIED: [
    'is in protected mode and rejects connections from here',
    'set a password or bind an address on the server',
    true,
  ],
  MISCONF: [
    'refuses commands, because it cannot save its data',
    "check the server's log and its disk",
  ],
  CLUSTERDOWN: [
    'is part of a cluster that is down',
    'use a single server or Sentinels, since reconfd does not support clusters',
  ],
  MOVED: [
    'is part of a cluster',
    'use a single server or Sentinels, since reconfd does not support clusters',
    true,
  ],
}

/** @param place the server and its address, such as `Redis at 127.0.0.1:6379` */
export function faultOfReply({ code, text }: ReplyError, place: string): FaultError {
  const [what, hint, permanent] = explanations[code] ?? explainError(text)
  const more: Omit<Fault, 'kind' | 'message'> =
    permanent === true ? { hint, permanent: true } : { hint }
  return new FaultError({ kind: 'store', message: `${place} ${what}`, ...more })
}

function explainError(text: string): Explained {
  if (/unknown command.*HELLO/i.test(text)) return explanations['NOPROTO'] as Explained
  if (/DB index is out of range|invalid DB index/i.test(text)) {
    return ['has no database with that number', 'check the number after the / in -node', true]
  }
  if (/max number of clients/i.test(text)) {
    return ['has too many clients', "raise the server's maxclients"]
  }
  // Redis quotes the arguments of unknown commands, which may include a password.
  return [`reports: ${serverText(text.replace(/,? with args.*/is, ''))}`, "check the server's log"]
}
