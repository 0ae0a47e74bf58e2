// A lying Redis server.
import type { Socket } from 'node:net'
import type { Key } from '../../../src/core/key.ts'
import { settingsFor } from '../settings.ts'
import { pour } from './http.ts'
import { LIMITS, SECRET, type Lies, type Place, type Protocol } from './protocol.ts'
import { LyingTcp } from './tcp.ts'

/** Replaces the reply to a command, or a push message. If `reply` returns undefined, nothing more is written. */
interface RedisLie {
  /** The command whose reply is replaced. Default: the first command of a connection. */
  readonly to?: string
  readonly reply: (socket: Socket, truth: string) => string | Buffer | undefined
}

const blob = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`
const list = (...items: readonly string[]): string => `*${items.length}\r\n${items.join('')}`
const texts = (...items: readonly string[]): string => list(...items.map(blob))
const map = (...items: readonly string[]): string =>
  `%${items.length / 2}\r\n${items.map(blob).join('')}`
const push = (...items: readonly string[]): string =>
  `>${items.length}\r\n${items.map(blob).join('')}`

const NAMES = ['/v/a', '/v/b', '/v/hash'] as const
const CHANNEL = '__keyspace@0__:'

class Redis extends LyingTcp<RedisLie> {
  #version = 1
  readonly #listeners = new Set<Socket>()

  change() {
    this.#version++
    this.#tell(push('pmessage', `${CHANNEL}/v*`, `${CHANNEL}/v/a`, 'set'))
    return { key: '/v/a' as Key, holds: this.#value }
  }

  protected serve(socket: Socket): void {
    let text = ''
    let isFirst = true
    socket.on('close', () => this.#listeners.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let command = nextCommand(text); command !== undefined; command = nextCommand(text)) {
        text = text.slice(command.length)
        const truth = this.#reply(command.words, socket)
        const { lie, place } = this.lying ?? {}
        const isHit = lie?.to === undefined ? isFirst : lie.to === command.words[0]
        isFirst = false
        const reply =
          lie !== undefined && place === 'answers' && isHit ? lie.reply(socket, truth) : truth
        if (reply !== undefined) socket.write(reply)
        // From this command on, subscribers receive pushes.
        if (command.words[0] === 'CLIENT' && place === 'messages') this.#lieTo(socket)
      }
    })
  }

  protected override disturb({ to }: RedisLie, place: Place): void {
    if (place === 'messages') for (const socket of this.#listeners) this.#lieTo(socket)
    // Reports all keys as invalidated, so that the client reads them again over the same connection.
    else if (/^(?:CONFIG|SCAN|MGET|HGETALL)$/.test(to ?? ''))
      this.#tell('>2\r\n$10\r\ninvalidate\r\n_\r\n')
    else this.cut()
  }

  get #value(): string {
    return `${SECRET} ${this.#version}`
  }

  #tell(text: string): void {
    for (const socket of this.#listeners) socket.write(text)
  }

  #lieTo(socket: Socket): void {
    const reply = this.lying?.lie.reply(
      socket,
      push('pmessage', `${CHANNEL}/v*`, `${CHANNEL}/v/a`, 'set'),
    )
    if (reply !== undefined) socket.write(reply)
  }

  #reply([command = '', ...words]: readonly string[], socket: Socket): string {
    switch (command) {
      case 'HELLO':
        return map('server', 'redis', 'mode', 'standalone', 'role', 'master')
      case 'PSUBSCRIBE':
        this.#listeners.add(socket)
        return `>3\r\n${blob('psubscribe')}${blob(words[0] ?? '')}:1\r\n`
      case 'CONFIG':
        return map('notify-keyspace-events', 'AKE')
      case 'SCAN':
        return list(blob('0'), texts(...NAMES))
      case 'MGET':
        return list(
          ...words.map((name) => (name === '/v/hash' ? '_\r\n' : blob(this.#valueOf(name)))),
        )
      case 'HGETALL':
        return map('f', `${SECRET} f`, 'g', `${SECRET} g`)
      case 'PING':
        return '+PONG\r\n'
      default:
        return '+OK\r\n'
    }
  }

  #valueOf(name: string): string {
    return name === '/v/a' ? this.#value : `${SECRET} of ${name}`
  }
}

function nextCommand(text: string): { words: readonly string[]; length: number } | undefined {
  const [head, count] = /^\*(\d+)\r\n/.exec(text) ?? []
  if (head === undefined) return undefined
  let at = head.length
  const words: string[] = []
  for (let n = 0; n < Number(count); n++) {
    const [size, length] = /^\$(\d+)\r\n/.exec(text.slice(at)) ?? []
    if (size === undefined) return undefined
    at += size.length
    words.push(text.slice(at, at + Number(length)))
    at += Number(length) + 2
    if (text.length < at) return undefined
  }
  return { words, length: at }
}

const to = (command: string, reply: string | Buffer): RedisLie => ({
  to: command,
  reply: () => reply,
})
const first = (reply: string | Buffer): RedisLie => ({ reply: () => reply })
const without = (command: string, start: string, more: string): RedisLie => ({
  to: command,
  reply: (socket) => {
    socket.write(start)
    pour(socket, Buffer.from(more.repeat(Math.ceil(2 ** 16 / more.length))))
    return undefined
  },
})

const answers: Lies<RedisLie> = {
  'an HTTP page': first('HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\n\r\n<html></html>'),
  'a TLS alert': first(Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46])),
  'another service': first('{"status":"ok"}\r\n'),
  'a banner of SSH': first('SSH-2.0-OpenSSH_9.2\r\n'),
  'a nul': first(Buffer.alloc(100)),
  'a connection closed at once': { reply: (socket) => void socket.destroy() },
  'a line without end': without('HELLO', '+', 'A'),
  'an error without end': without('HELLO', '-ERR ', 'A'),
  'another error': to('HELLO', '-ERR internal\r\n'),
  'a greeting that is OK': to('HELLO', '+OK\r\n'),
  'a greeting that is null': to('HELLO', '_\r\n'),
  'a greeting that is a number': to('HELLO', ':3\r\n'),
  'a greeting of an odd number': to('HELLO', texts('mode', 'standalone', 'role')),
  'a greeting with numbers for names': to('HELLO', '%1\r\n:1\r\n:2\r\n'),
  'more answers than questions': to(
    'HELLO',
    `${map('mode', 'standalone')}${map('mode', 'standalone')}`,
  ),
  'a setting that is a number': to('CONFIG', ':1\r\n'),
  'a setting whose value is null': to('CONFIG', `%1\r\n${blob('notify-keyspace-events')}_\r\n`),
  'names that are a number': to('SCAN', ':5\r\n'),
  'names that are null': to('SCAN', '_\r\n'),
  'names without a cursor': to('SCAN', list(texts(...NAMES))),
  'a cursor that is a word': to('SCAN', list(blob('end'), texts(...NAMES))),
  'a cursor that is a number': to('SCAN', list(':0\r\n', texts(...NAMES))),
  'a cursor that does not move': { to: 'SCAN', reply: () => list(blob('7'), texts('/v/a')) },
  'more than a cursor and names': to('SCAN', list(blob('0'), texts(...NAMES), texts())),
  'names that are a text': to('SCAN', list(blob('0'), blob('/v/a'))),
  'a name that is null': to('SCAN', list(blob('0'), list('_\r\n'))),
  'a name that is a list': to('SCAN', list(blob('0'), list(texts('/v/a')))),
  'a name that was not asked for': to('SCAN', list(blob('0'), texts('/w/a'))),
  'values that are a number': to('MGET', ':5\r\n'),
  'values that are null': to('MGET', '*-1\r\n'),
  'values that are a text': to('MGET', blob(SECRET)),
  'fewer values than names': to('MGET', texts(SECRET)),
  'more values than names': to('MGET', texts(SECRET, SECRET, SECRET, SECRET)),
  'a value that is a number': to('MGET', list(':1\r\n', ':2\r\n', '_\r\n')),
  'a value that is a list': to('MGET', list(texts(SECRET), texts(SECRET), '_\r\n')),
  'an error among values': to('MGET', list('-ERR no\r\n', blob(SECRET), '_\r\n')),
  'a push among values': to('MGET', list(push('x'), blob(SECRET), '_\r\n')),
  'a value without end': without('MGET', '*3\r\n$9000000000\r\n', 'A'),
  'a value longer than any': to('MGET', '*3\r\n$99999999999999999999\r\n'),
  'a value whose length is a word': to('MGET', '*3\r\n$abc\r\n'),
  'a value whose length is below zero': to('MGET', '*3\r\n$-7\r\nx\r\n'),
  'a value that is longer than its length': to('MGET', `*3\r\n$3\r\n${SECRET}\r\n`),
  'a list without end': without('MGET', '*999999999999\r\n', '_\r\n'),
  'very many values of hardly any bytes': to('MGET', `*100000\r\n${'_\r\n'.repeat(100_000)}`),
  'a list longer than any': to('MGET', '*99999999999999999999\r\n'),
  'a list whose length is below zero': to('MGET', '*-2\r\n'),
  'a nest without end': without('MGET', '', '*1\r\n'),
  'a line that ends otherwise': to('MGET', '*3\n$1\nx\n'),
  'an invalid boolean': to('MGET', list('#x\r\n', '_\r\n', '_\r\n')),
  'an invalid number': to('MGET', list(':1x\r\n', '_\r\n', '_\r\n')),
  'an invalid null': to('MGET', list('_x\r\n', '_\r\n', '_\r\n')),
  'fields that are a number': to('HGETALL', ':2\r\n'),
  'fields of an odd number': to('HGETALL', texts('f', SECRET, 'g')),
  'fields that are null': to('HGETALL', '_\r\n'),
  'a field without a value': to('HGETALL', `%1\r\n${blob('f')}_\r\n`),
  'a field twice': to('HGETALL', map('f', SECRET, 'f', SECRET)),
  'an unknown error': to('MGET', `-WHAT is this\r\n`),
}

const message = (reply: string): RedisLie => ({ reply: () => reply })

const messages: Lies<RedisLie> = {
  'an answer to nothing': message('+OK\r\n'),
  'an error to nothing': message('-ERR no\r\n'),
  'a subscription to nothing': message(`>3\r\n${blob('psubscribe')}${blob('x')}:1\r\n`),
  'an unknown type': message('?1\r\nx\r\n'),
  'a push without end': {
    reply: (socket) => {
      socket.write('>999999\r\n')
      pour(socket, Buffer.from(blob('pmessage').repeat(1000)))
      return undefined
    },
  },
  'the end': { reply: (socket) => void socket.destroy() },
}

export const redis: Protocol<RedisLie> = {
  name: 'redis',
  prefix: '/v',
  start: () => new Redis().listen(),
  settings: (node) =>
    settingsFor({
      backend: 'redis',
      connection: { nodes: [node], scheme: 'http' },
      limits: LIMITS,
    }),
  answers,
  messages,
}
