// Keyspace notifications: whether the server sends them, and for which names they came.
// https://redis.io/docs/latest/develop/use/keyspace-notifications/
import { expectText, text } from '../shape.ts'
import type { RedisConnection } from './connection.ts'
import { isRefused } from './faults.ts'
import { escapeGlob, type RedisScope } from './names.ts'
import { fields } from './read.ts'
import type { Reply } from './resp.ts'

/** Set for K, the keyspace channels, and one for each class of events that changes what is read. */
const NEEDED = ['K', 'g', '$', 'h', 'x', 'e']

/** Names that are read again one by one; more than these are a reason to read everything. */
const MOST = 100_000

const settings = fields(text)

/** Events that change nothing. Reading a name that is gone is one: it must not lead to a reading. */
const IDLE = new Set(['keymiss', 'new', 'expire', 'persist'])

export class Notifications {
  /** Names that have changed since they were last taken. */
  #changed = new Set<string>()
  #flushed = false
  #wake: () => void = () => undefined
  /** Why subscribing was refused. */
  #refused: string | undefined
  readonly #channel: string

  constructor(
    /**
     * One that nothing is read over. Reading a name that has expired makes an event, and Redis 7.0
     * writes that into the middle of the answer.
     */
    private readonly connection: RedisConnection,
    private readonly scope: RedisScope,
    database: number,
  ) {
    this.#channel = `__keyspace@${database}__:`
    connection.onPush = (kind, rest) => this.#take(kind, rest)
  }

  /** Has to be called before anything is read: what changes from then on is told of. */
  async subscribe(): Promise<void> {
    const { scope, connection } = this
    const patterns = scope.patterns.map((pattern) => this.#channel + pattern)
    const above = [...scope.above].map((name) => this.#channel + escapeGlob(name))
    const refused = await Promise.all(patterns.map((pattern) => this.#psubscribe(pattern)))
    this.#refused = refused.find((pattern) => pattern !== undefined)
    // Who may not hear of a hash above the prefixes may most likely not read it either.
    await Promise.all(above.map((pattern) => this.#psubscribe(pattern)))
    // FLUSHALL sends no notification. Client-side caching tells of it: with OPTIN the server keeps
    // no list of keys for us, and has nothing else to tell. Where it is refused, the next reading
    // of everything sees what is gone.
    await tolerating(connection.ask(expectText('OK'), 'CLIENT', 'TRACKING', 'ON', 'OPTIN'))
  }

  /** Why changes may go untold, undefined when all are told. Asked anew, since it can be changed. */
  async gap(): Promise<{ readonly why: string; readonly hint: string } | undefined> {
    if (this.#refused !== undefined) {
      const why = `the user may not subscribe to ${this.#refused}`
      return { why, hint: `allow +psubscribe and &${this.#refused}` }
    }
    const setting = 'notify-keyspace-events'
    const reply = await tolerating(this.connection.ask(settings, 'CONFIG', 'GET', setting))
    const flags = reply?.get(setting)
    if (flags === undefined) {
      const why = `its ${setting} cannot be read`
      return { why, hint: `allow +config|get, and set ${setting} to KA on the server` }
    }
    const all = flags.replace('A', 'g$hxe')
    if (NEEDED.every((flag) => all.includes(flag))) return undefined
    const why = `its ${setting} is ${flags === '' ? 'off' : JSON.stringify(flags)}`
    return { why, hint: `set ${setting} to KA on the server to hear of changes at once` }
  }

  /** Waits for a change, or until the time (in milliseconds) is over. */
  async wait(time: number): Promise<void> {
    if (this.#changed.size > 0 || this.#flushed) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      timer = setTimeout(resolve, time)
    })
    clearTimeout(timer)
  }

  async ping(): Promise<void> {
    await this.connection.ask(expectText('PONG'), 'PING')
  }

  /** Makes wait() return. */
  wake(): void {
    this.#wake()
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed
    this.#changed = new Set()
    return changed
  }

  takeFlushed(): boolean {
    const flushed = this.#flushed
    this.#flushed = false
    return flushed
  }

  /** @returns the pattern, when it is refused */
  async #psubscribe(pattern: string): Promise<string | undefined> {
    const done = await tolerating(this.connection.request('PSUBSCRIBE', pattern))
    return done === undefined ? pattern : undefined
  }

  #take(kind: string, rest: readonly Reply[]): void {
    if (kind === 'invalidate') this.#flushed ||= rest[0] === null
    else if (kind === 'pmessage') {
      const [, channel, event] = rest
      const name = String(channel).slice(this.#channel.length)
      if (IDLE.has(String(event)) || !this.scope.wants(name)) return
      if (this.#changed.size < MOST) this.#changed.add(name)
      else this.#flushed = true
    }
    this.#wake()
  }
}

/** Undefined when the server does not know or allow the command. */
async function tolerating<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (isRefused(error)) return undefined
    throw error
  }
}
