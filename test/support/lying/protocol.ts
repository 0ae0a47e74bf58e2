// A small server for each protocol, which tells the truth until a test makes it lie. The lies are answers that no real
// server can be made to give, and those that proxies, captive portals and wrong ports give every day.
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

/** Lies by their description. */
export type Lies<L> = Readonly<Record<string, L>>

/** The messages that a lie replaces. */
export type Place = 'answers' | 'messages'

export interface LyingServer<L> {
  /** `127.0.0.1:port` */
  readonly node: string
  /** The number of bytes written to clients so far. */
  readonly sent: number
  /** Lies from now on, also to connected clients. */
  lie(lie: L, place: Place): void
  /** Answers truthfully from now on. */
  repent(): void
  /** Changes a key on the server; `holds` is a part of its new value. */
  change(): { readonly key: Key; readonly holds: string }
  close(): Promise<void>
}

/** Part of every true value: no error message may contain it. */
export const SECRET = 'sesame'

export const LIMITS = { body: 2 ** 20, message: 2 ** 18 }
