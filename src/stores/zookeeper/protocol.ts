// The numbers of ZooKeeper's protocol, and the requests that a reader of trees makes of them.
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

/** Packets that are no answer to a numbered request carry these instead of its number. */
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

/** The names under which ZooKeeper's documentation and logs know its error codes. */
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

/** A request that the server has refused. */
export class ZkError extends Error {
  constructor(readonly code: number) {
    super(errorName(code))
  }
}

/** Something happened to a znode; which of the kinds is left open, since it is read again anyway. */
export interface WatchEvent {
  readonly path: string
  /** A znode has come or gone, so that its parent has more or fewer children. */
  readonly structural: boolean
}

const NODE_CREATED = 1
const NODE_DELETED = 2
/** The state of the session, not of a znode. */
const NONE = -1
/** The highest of the others: a watch that stays was removed. */
const LAST = 7

/** Throws a RangeError. */
export function readEvent(reader: JuteReader): WatchEvent | undefined {
  const type = reader.int()
  reader.int() // the state of the session
  const path = reader.string()
  reader.end()
  if (type === NONE) return undefined
  if (type < NODE_CREATED || type > LAST || !path.startsWith('/')) throw new RangeError('no event')
  return { path, structural: type === NODE_CREATED || type === NODE_DELETED }
}

/** What a session is known by. */
export interface Resumable {
  readonly id: bigint
  readonly password: Buffer
}

/**
 * @param timeout milliseconds that the session may be silent; the server has the last word
 * @param resume a session that goes on; absent: a new one
 */
export const connectRequest = (timeout: number, resume?: Resumable): Buffer =>
  new JuteWriter()
    .int(0) // the protocol's version
    .long(0n) // the newest change seen
    .int(timeout)
    .long(resume?.id ?? 0n)
    .buffer(resume?.password ?? Buffer.alloc(16))
    .boolean(false) // a server without quorum will not do
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

/** exists, getData, getChildren2: a path, and whether a watch that fires once is left there. */
export const readBody =
  (path: string, watch: boolean): Body =>
  (writer) =>
    writer.string(path).boolean(watch)

/** The mode 1 is persistent and recursive (3.6 and later). */
export const addWatchBody =
  (path: string): Body =>
  (writer) =>
    writer.string(path).int(1)
