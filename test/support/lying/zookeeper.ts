// A lying ZooKeeper server.
import type { Socket } from 'node:net'
import type { Key } from '../../../src/core/key.ts'
import { JuteReader, JuteWriter, Packets } from '../../../src/stores/zookeeper/jute.ts'
import { errorCode, opcode, xid } from '../../../src/stores/zookeeper/protocol.ts'
import { settingsFor } from '../settings.ts'
import { pour } from './http.ts'
import { LIMITS, SECRET, type Lies, type Place, type Protocol } from './protocol.ts'
import { LyingTcp } from './tcp.ts'

interface Answer {
  readonly id: number
  /** The kind of the request, or `connect` for the first packet of a session. */
  readonly to: Question
  /** The bytes after the header. */
  readonly body: Buffer
}

type Question = 'connect' | 'sync' | 'addWatch' | 'getData' | 'getChildren2' | 'event'

interface ZooLie {
  /** The requests that get a lie as the answer. Default: `connect`. */
  readonly to?: Question | readonly Question[]
  /** Returns a packet with its length in front, or undefined to write nothing. */
  readonly tell: (answer: Answer, socket: Socket) => Buffer | undefined
}

const ZXID = 9n
const NODE_DATA_CHANGED = 3
const CONNECTED = 3

const header = (id: number, error: number = errorCode.ok, zxid = ZXID): JuteWriter =>
  new JuteWriter().int(id).long(zxid).int(error)

/** Returns a packet of these bytes, with its length in front. */
const packet = (...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts)
  const length = Buffer.alloc(4)
  length.writeInt32BE(body.length)
  return Buffer.concat([length, body])
}
const bytesOf = (writer: JuteWriter): Buffer => writer.frame().subarray(4)

const stat = (dataLength: number, numChildren: number): Buffer =>
  bytesOf(
    new JuteWriter()
      .long(2n)
      .long(3n)
      .long(0n)
      .long(0n)
      .int(1)
      .int(1)
      .int(0)
      .long(0n)
      .int(dataLength)
      .int(numChildren)
      .long(3n),
  )

const dataOf = (text: string, numChildren: number): Buffer =>
  Buffer.concat([
    bytesOf(new JuteWriter().string(text)),
    stat(Buffer.byteLength(text), numChildren),
  ])
const strings = (...names: readonly string[]): Buffer =>
  bytesOf(names.reduce((writer, name) => writer.string(name), new JuteWriter().int(names.length)))
const childrenOf = (...names: readonly string[]): Buffer =>
  Buffer.concat([strings(...names), stat(0, names.length)])

const session = (timeout: number): Buffer =>
  bytesOf(new JuteWriter().int(0).int(timeout).long(77n).buffer(Buffer.alloc(16)).boolean(false))

const questions: Readonly<Record<number, Question>> = {
  [opcode.sync]: 'sync',
  [opcode.addWatch]: 'addWatch',
  [opcode.getData]: 'getData',
  [opcode.getChildren2]: 'getChildren2',
}

class Zookeeper extends LyingTcp<ZooLie> {
  #version = 1

  change() {
    this.#version++
    this.#event()
    return { key: '/v/a' as Key, holds: this.#value }
  }

  protected serve(socket: Socket): void {
    const packets = new Packets(2 ** 20)
    let isNew = true
    socket.on('data', (chunk: Buffer) => {
      for (const bytes of packets.push(chunk)) {
        if (isNew) this.#send(socket, { id: 0, to: 'connect', body: session(10_000) })
        else this.#answer(socket, new JuteReader(bytes))
        isNew = false
      }
    })
  }

  protected override disturb({ to }: ZooLie, place: Place): void {
    // The client reads a changed znode again. It sends all other requests only once, at the beginning.
    if (place === 'messages' || to === 'getData') this.#event()
    else this.cut()
  }

  get #value(): string {
    return `${SECRET} ${this.#version}`
  }

  #event(): void {
    const body = bytesOf(new JuteWriter().int(NODE_DATA_CHANGED).int(CONNECTED).string('/v/a'))
    for (const socket of this.open) this.#send(socket, { id: xid.event, to: 'event', body })
  }

  #answer(socket: Socket, request: JuteReader): void {
    const id = request.int()
    const operation = request.int()
    if (id === xid.ping) socket.write(header(xid.ping).frame())
    const to = questions[operation]
    if (to !== undefined) this.#send(socket, { id, to, body: this.#bodyOf(to, request) })
    // If the lie replaces events, sends the first event immediately.
    if (to === 'addWatch' && this.lying?.place === 'messages') this.#event()
  }

  #bodyOf(to: Question, request: JuteReader): Buffer {
    if (to === 'addWatch') return Buffer.alloc(0)
    const path = request.string()
    if (to === 'sync') return strings(path).subarray(4)
    const children = path === '/v' ? ['a', 'b', 'c'] : path === '/v/c' ? ['d'] : []
    if (to === 'getChildren2') return childrenOf(...children)
    const value = path === '/v/a' ? this.#value : children.length > 0 ? '' : `${SECRET} ${path}`
    return dataOf(value, children.length)
  }

  #send(socket: Socket, answer: Answer): void {
    const { lie, place = 'answers' } = this.lying ?? {}
    const isHit = [lie?.to ?? 'connect'].flat().includes(answer.to)
    const told = place === (answer.to === 'event' ? 'messages' : 'answers')
    if (lie !== undefined && isHit && told) {
      const bytes = lie.tell(answer, socket)
      if (bytes !== undefined) socket.write(bytes)
    } else if (answer.to === 'connect') socket.write(packet(answer.body))
    else
      socket.write(
        packet(bytesOf(header(answer.id, errorCode.ok, answer.id < 0 ? -1n : ZXID)), answer.body),
      )
  }
}

const first = (bytes: string | Buffer): ZooLie => ({ tell: () => Buffer.from(bytes) })
/** Returns a lie with the true header and a changed body. */
const body = (to: Question, change: (body: Buffer) => Buffer): ZooLie => ({
  to,
  tell: ({ id, body }) => packet(bytesOf(header(id)), change(body)),
})
const instead = (to: Question, other: Buffer): ZooLie => body(to, () => other)
const withHeader = (to: Question, make: (id: number) => JuteWriter): ZooLie => ({
  to,
  tell: ({ id, body }) => packet(bytesOf(make(id)), body),
})
const connect = (bytes: Buffer): ZooLie => ({ to: 'connect', tell: () => packet(bytes) })
/** Returns a lie that changes the number at an offset of the body. */
const number = (to: Question, at: (body: Buffer) => number, value: number): ZooLie =>
  body(to, (bytes) => {
    bytes.writeInt32BE(value, at(bytes))
    return bytes
  })
const STAT_LENGTH = 68
const atDataLength = ({ length }: Buffer): number => length - STAT_LENGTH + 52
const atChildren = ({ length }: Buffer): number => length - STAT_LENGTH + 56

const answers: Lies<ZooLie> = {
  'an HTTP page': first('HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\n\r\n<html></html>'),
  'a TLS alert': first(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])),
  'another service': first('{"status":"ok"}\r\n'),
  'a banner of SSH': first('SSH-2.0-OpenSSH_9.2\r\n'),
  'an error of Redis': first("-ERR unknown command ''\r\n"),
  'a connection closed at once': { tell: (_, socket) => void socket.destroy() },
  'a length below zero': first(Buffer.from([0xff, 0xff, 0xff, 0xff])),
  'an empty packet': connect(Buffer.alloc(0)),
  'half a session': connect(session(10_000).subarray(0, 7)),
  'a session timeout of zero': connect(session(0)),
  'a negative session timeout': connect(session(-1)),
  'a session whose password is longer than it is': number('connect', () => 16, 5000),
  'a greeting without end': {
    tell: (_, socket) => {
      socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
      pour(socket, Buffer.alloc(2 ** 16))
      return undefined
    },
  },
  'an answer to another question': withHeader('sync', (id) => header(id + 1)),
  'an answer to nothing': withHeader('sync', () => header(-17)),
  'an event in place of an answer': withHeader('sync', () => header(xid.event)),
  'a change before the first': withHeader('sync', (id) => header(id, errorCode.ok, -2n)),
  'an unknown error': withHeader('sync', (id) => header(id, -9999)),
  'an expired session': withHeader('sync', (id) => header(id, errorCode.sessionExpired)),
  'half a header': { to: 'sync', tell: () => packet(Buffer.alloc(7)) },
  'an answer without end': {
    to: 'getData',
    tell: (_, socket) => {
      socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]))
      pour(socket, Buffer.alloc(2 ** 16))
      return undefined
    },
  },
  'no data': instead('getData', Buffer.alloc(0)),
  'data without a stat': body('getData', (bytes) => bytes.subarray(0, bytes.length - STAT_LENGTH)),
  'data with half a stat': body('getData', (bytes) => bytes.subarray(0, bytes.length - 20)),
  'data and more': body('getData', (bytes) => Buffer.concat([bytes, Buffer.from(SECRET)])),
  'data that are longer than they are': number('getData', () => 0, 10_000),
  'data that are shorter than they are': number('getData', () => 0, 1),
  'data whose length is below zero': number('getData', () => 0, -3),
  'a stat of another length': number('getData', atDataLength, 3000),
  'a stat of a length below zero': number('getData', atDataLength, -1),
  'children below zero': number('getData', atChildren, -1),
  'no children': instead('getChildren2', Buffer.alloc(0)),
  'children without a stat': instead('getChildren2', strings('a')),
  'more children than there are': number('getChildren2', () => 0, 1000),
  'children whose number is below zero': number('getChildren2', () => 0, -5),
  'children whose number is huge': number('getChildren2', () => 0, 2 ** 31 - 1),
  'a stat of other children': number('getChildren2', atChildren, 9),
  'a child without a name': instead('getChildren2', childrenOf('')),
  'a child with a slash': instead('getChildren2', childrenOf('a/b')),
  'a child twice': instead('getChildren2', childrenOf('a', 'a')),
  'a child whose name is longer than it is': number('getChildren2', () => 4, 9000),
  'a child in each child': {
    to: ['getData', 'getChildren2'],
    tell: ({ id, to }) =>
      packet(bytesOf(header(id)), to === 'getData' ? dataOf('', 1) : childrenOf('again')),
  },
  'children and more': body('getChildren2', (bytes) => Buffer.concat([bytes, Buffer.alloc(3)])),
}

const event = (type: number, path: string): ZooLie =>
  instead('event', bytesOf(new JuteWriter().int(type).int(CONNECTED).string(path)))

const messages: Lies<ZooLie> = {
  'an event without a body': { to: 'event', tell: () => packet(bytesOf(header(xid.event))) },
  'an event of another type': event(99, '/v/a'),
  'an event of a type below zero': event(-7, '/v/a'),
  'an event without a path': event(3, ''),
  'an event with an invalid path': event(3, 'v/a'),
  'a path that is longer than it is': number('event', () => 8, 5000),
  'an event and more': body('event', (bytes) => Buffer.concat([bytes, Buffer.from(SECRET)])),
  'an answer to nothing': { to: 'event', tell: () => header(12_345).frame() },
  'events of more znodes than fit': {
    to: 'event',
    tell: ({ id }) => {
      const names = Array.from({ length: LIMITS.body / 256 }, (_, n) => `/v/new-${n}`)
      const changed = (path: string) =>
        bytesOf(new JuteWriter().int(NODE_DATA_CHANGED).int(CONNECTED).string(path))
      return Buffer.concat(names.map((name) => packet(bytesOf(header(id)), changed(name))))
    },
  },
  'the end': { to: 'event', tell: (_, socket) => void socket.destroy() },
}

export const zookeeper: Protocol<ZooLie> = {
  name: 'zookeeper',
  prefix: '/v',
  start: () => new Zookeeper().listen(),
  settings: (node) =>
    settingsFor({
      backend: 'zookeeper',
      connection: { nodes: [node], scheme: 'http' },
      limits: LIMITS,
    }),
  answers,
  messages,
}
