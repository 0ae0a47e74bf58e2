// The constants of ZooKeeper's protocol, and the requests that reconfd sends. See
// https://zookeeper.apache.org/doc/r3.8.0/zookeeperProgrammers.html and zookeeper.jute.
import { JuteWriter, type JuteReader } from './jute.ts'

export const opcode = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  auth: 100,
  getEphemerals: 103,
  addWatch: 106,
  closeSession: -11,
} as const

/** The reserved request numbers of packets that belong to no numbered request. */
export const xid = { event: -1, ping: -2, auth: -4 } as const

export const errorCode = {
  ok: 0,
  marshalling: -5,
  unimplemented: -6,
  noNode: -101,
  noAuth: -102,
  nodeExists: -110,
  sessionExpired: -112,
  authFailed: -115,
  sessionClosedRequireSasl: -124,
} as const

/** The names of error codes in ZooKeeper's documentation and logs. */
const names: Readonly<Record<number, string>> = {
  [-1]: 'SystemError',
  [-2]: 'RuntimeInconsistency',
  [-3]: 'DataInconsistency',
  [-4]: 'ConnectionLoss',
  [errorCode.marshalling]: 'MarshallingError',
  [errorCode.unimplemented]: 'Unimplemented',
  [-7]: 'OperationTimeout',
  [-8]: 'BadArguments',
  [errorCode.noNode]: 'NoNode',
  [errorCode.noAuth]: 'NoAuth',
  [errorCode.nodeExists]: 'NodeExists',
  [errorCode.sessionExpired]: 'SessionExpired',
  [errorCode.authFailed]: 'AuthFailed',
  [-118]: 'SessionMoved',
  [-119]: 'NotReadOnly',
  [errorCode.sessionClosedRequireSasl]: 'SessionClosedRequireSaslAuth',
  [-127]: 'ThrottledOp',
}

export const errorName = (error: number): string => names[error] ?? `error ${error}`

/** Thrown if the server has refused a request. */
export class ZkError extends Error {
  constructor(readonly code: number) {
    super(errorName(code))
  }
}

/** Reports that a znode has changed. The kind of change is not kept, since the znode is read again anyway. */
export interface WatchEvent {
  readonly path: string
  /** Whether the znode was created or removed, which changes the children of its parent. */
  readonly structural: boolean
}

const NODE_CREATED = 1
const NODE_DELETED = 2
/** The event type for a change of the session rather than of a znode. */
const NONE = -1
/** The highest event type: a persistent watch was removed. */
const LAST = 7

/** Reads an event. Returns undefined if the event concerns the session. Throws a RangeError if it is invalid. */
export function readEvent(reader: JuteReader): WatchEvent | undefined {
  const type = reader.int()
  reader.int() // the state of the session
  const path = reader.string()
  reader.end()
  if (type === NONE) return undefined
  if (type < NODE_CREATED || type > LAST || !path.startsWith('/'))
    throw new RangeError('an invalid event')
  return { path, structural: type === NODE_CREATED || type === NODE_DELETED }
}

/** Identifies a session and authorizes its resumption. */
export interface Resumable {
  readonly id: bigint
  readonly password: Buffer
}

/**
 * @param timeout the session timeout to request, in milliseconds; the server may grant another one
 * @param resume the session to resume; absent for a new session
 */
export const connectRequest = (timeout: number, resume?: Resumable): Buffer =>
  new JuteWriter()
    .int(0) // the protocol's version
    .long(0n) // the newest change seen
    .int(timeout)
    .long(resume?.id ?? 0n)
    .buffer(resume?.password ?? Buffer.alloc(16))
    .boolean(false) // do not accept a read-only server, which has no quorum
    .frame()

export const authPacket = (username: string, password: string): Buffer =>
  new JuteWriter()
    .int(xid.auth)
    .int(opcode.auth)
    .int(0)
    .string('digest')
    .string(`${username}:${password}`)
    .frame()

export const pingPacket = (): Buffer => new JuteWriter().int(xid.ping).int(opcode.ping).frame()

export type Body = (writer: JuteWriter) => JuteWriter

export const pathBody =
  (path: string): Body =>
  (writer) =>
    writer.string(path)

/** The body of the requests exists, getData and getChildren2. @param watch whether to set a watch, which fires once */
export const readBody =
  (path: string, watch: boolean): Body =>
  (writer) =>
    writer.string(path).boolean(watch)

/** Uses the watch mode 1, which is persistent and recursive and needs ZooKeeper 3.6 or later. */
export const addWatchBody =
  (path: string): Body =>
  (writer) =>
    writer.string(path).int(1)
