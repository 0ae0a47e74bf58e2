// A small server for each protocol that tells the truth until a test has it lie: what no real server can be
// made to say, and what proxies, captive portals and wrong ports say every day.
import type { Key } from '../../../src/core/key.ts'
import type { Settings } from '../../../src/core/settings.ts'

/** A store and the ways in which its server can lie. To add one: a server, and a table of its lies. */
export interface Protocol<L> {
  readonly name: string
  readonly settings: (node: string) => Settings
  readonly prefix: Key
  readonly start: () => Promise<LyingServer<L>>
  /** Replaces the answer of a read. */
  readonly answers: Lies<L>
  /** Replaces the message of a change, if it differs from the answer of a read. */
  readonly messages?: Lies<L>
}

/** By description of the lie. */
export type Lies<L> = Readonly<Record<string, L>>

/** The place of the lie. */
export type Place = 'answers' | 'messages'

export interface LyingServer<L> {
  /** `127.0.0.1:port` */
  readonly node: string
  /** Bytes that clients have taken so far. */
  readonly sent: number
  /** Lies from now on, to those who are connected as well. */
  lie(lie: L, place: Place): void
  /** Answers truthfully from now on. */
  repent(): void
  /** Changes a key, truly; gives what its value holds from then on. */
  change(): { readonly key: Key; readonly holds: string }
  close(): Promise<void>
}

/** In each value of the truth: no message may repeat it. */
export const SECRET = 'sesame'

export const LIMITS = { body: 2 ** 20, message: 2 ** 18 }
