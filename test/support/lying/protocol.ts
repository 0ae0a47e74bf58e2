// Small servers, one for each protocol, that tell the truth until a test makes them lie. Some lies are answers that no
// real server can be made to give. Others are answers that proxies, captive portals and wrong ports give every day.
import type { Key } from '../../../src/core/key.ts'
import type { Settings } from '../../../src/core/settings.ts'

/** A store and the ways in which its server can lie. A new store needs a server and a table of lies. */
export interface Protocol<L> {
  readonly name: string
  readonly settings: (node: string) => Settings
  readonly prefix: Key
  readonly start: () => Promise<LyingServer<L>>
  /** Replaces the answer of a read. */
  readonly answers: Lies<L>
  /** Replaces the message about a change, for stores in which that message differs from the answer of a read. */
  readonly messages?: Lies<L>
}

/** Lies, with their descriptions as keys. */
export type Lies<L> = Readonly<Record<string, L>>

/** The kind of messages that a lie replaces. */
export type Place = 'answers' | 'messages'

export interface LyingServer<L> {
  /** `127.0.0.1:port` */
  readonly node: string
  /** The number of bytes written to clients so far. */
  readonly sent: number
  /** Lies from now on, also to clients that are already connected. */
  lie(lie: L, place: Place): void
  /** Answers truthfully from now on. */
  repent(): void
  /** Changes a key on the server; `holds` is a part of its new value. */
  change(): { readonly key: Key; readonly holds: string }
  close(): Promise<void>
}

/** A part of every true value. No error message may contain it. */
export const SECRET = 'sesame'

export const LIMITS = { body: 2 ** 20, message: 2 ** 18 }
