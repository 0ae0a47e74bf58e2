// Keyspace notifications: checks whether the server sends notifications and collects the names that have changed.
// https://redis.io/docs/latest/develop/use/keyspace-notifications/
import { expectText, text } from '../shape.ts'
import type { RedisConnection } from './connection.ts'
import { isRefused } from './faults.ts'
import { escapeGlob, type RedisScope } from './names.ts'
import { fields } from './read.ts'
import type { Reply } from './resp.ts'

/** Required flags: K for the keyspace channels, and one flag for each class of events that change values. */
const NEEDED = ['K', 'g', '$', 'h', 'x', 'e']

/** Maximum number of changed names; beyond it, everything is read again. */
const MOST = 100_000

const settings = fields(text)

/**
 * Events that do not change a value. Reading a missing name causes the event `keymiss`, which must not cause another
 * read.
 */
const IDLE = new Set(['keymiss', 'new', 'expire', 'persist'])

export class Notifications {
  /** Names that have changed since the last takeChanged(). */
  #changed = new Set<string>()
  #flushed = false
  #wake: () => void = () => undefined
  /** A pattern for which the subscription was refused. */
  #refused: string | undefined
  readonly #channel: string

  constructor(
    /**
     * Not used to read values, because reading an expired name causes a notification, which Redis 7.0 writes into the
     * middle of the reply.
     */
    private readonly connection: RedisConnection,
    private readonly scope: RedisScope,
    database: number,
  ) {
    this.#channel = `__keyspace@${database}__:`
    connection.onPush = (kind, rest) => this.#take(kind, rest)
  }

  /** Subscribes to the notifications. Call this before anything is read, so that all later changes are reported. */
  async subscribe(): Promise<void> {
    const { scope, connection } = this
    const patterns = scope.patterns.map((pattern) => this.#channel + pattern)
    const above = [...scope.above].map((name) => this.#channel + escapeGlob(name))
    const refused = await Promise.all(patterns.map((pattern) => this.#psubscribe(pattern)))
    this.#refused = refused.find((pattern) => pattern !== undefined)
    // A refusal for hashes above the prefixes is ignored, because most likely the user cannot read these hashes either.
    await Promise.all(above.map((pattern) => this.#psubscribe(pattern)))
    // FLUSHALL causes no notification, but client-side caching reports it. With OPTIN, the server tracks no keys and
    // reports nothing else. If the server refuses the command, the next full read detects a flush.
    await tolerating(connection.ask(expectText('OK'), 'CLIENT', 'TRACKING', 'ON', 'OPTIN'))
  }

  /**
   * The reason why the server may not report all changes; undefined if it reports all changes. The reason is not
   * cached, since the server's settings can change.
   */
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
    return {
      why,
      hint: `set ${setting} to KA on the server, so that it reports changes immediately`,
    }
  }

  /** Waits for a change, but for at most `time` milliseconds. */
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

  /** @returns the pattern, if the subscription is refused */
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

/** Resolves with undefined if the server does not know or allow the command. */
async function tolerating<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply
  } catch (error) {
    if (isRefused(error)) return undefined
    throw error
  }
}
