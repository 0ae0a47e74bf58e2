// Presents the znodes below the prefixes as keys. Reads all of them once, and then those that a watch reports.
//
// A znode is a key, and its data is the value. A znode that has children and no data is a directory instead. So a znode
// may change from a key to a directory and back.
//
// An event contains only the path of a znode to read again. The watch is set before the znode is read. If an event
// arrives during the read, the read is repeated. So the last state is always seen, even if intermediate states are
// missed.
import { outermost, type Key } from '../../core/key.ts'
import type { StoreEvent } from '../../core/store.ts'
import type { ChangeBuffer } from '../change-buffer.ts'
import { coveredBy } from '../roots.ts'
import type { JuteReader } from './jute.ts'
import {
  addWatchBody,
  errorCode,
  opcode,
  pathBody,
  readBody,
  ZkError,
  type Body,
  type WatchEvent,
} from './protocol.ts'
import type { Session } from './session.ts'

/** Thrown if the server does not support watches of whole trees (before 3.6). */
export class NoRecursiveWatch extends Error {}

/** `recursive`: one watch for each prefix. `once`: two watches for each znode, each of which fires only once. */
export type WatchMode = 'recursive' | 'once'

/** Approximate memory for each znode that is to be read, in bytes. */
const COST = 512

/** The directory of ZooKeeper's internal znodes. Every ensemble has it. */
const RESERVED: Key = '/zookeeper'

export class Znodes {
  /** The keys that were passed to the consumer, or will be passed next. */
  readonly #held = new Map<Key, string>()
  /** All known znodes, including directories; only in the mode `once`. */
  readonly #seen = new Set<Key>()
  readonly #roots: readonly Key[]
  readonly #wanted: (key: Key) => boolean
  readonly #dirty = new Set<Key>()
  #changes = new Map<Key, string | null>()
  /** Whether a round of reading is under way. Meanwhile, changed znodes wait for the next round. */
  #reading = true
  /** Throws if the current round of reading exceeds the limit. */
  #expectRoom: (more?: number) => void = () => undefined

  constructor(
    private readonly session: Session,
    private readonly mailbox: ChangeBuffer,
    private readonly mode: WatchMode,
    /** The znode used as `/`, such as `/prod`; empty without a chroot. */
    private readonly chroot: string,
    prefixes: readonly Key[],
    private readonly denied: (path: string) => unknown,
  ) {
    this.#roots = outermost(prefixes)
    const covered = coveredBy(prefixes)
    const inReserved = coveredBy([RESERVED])
    // The prefix `/` leaves out /zookeeper and everything below it. These keys can be read only if no prefix is `/`,
    // for example with the prefix /zookeeper/config.
    const hides = chroot === '' && this.#roots.includes('/')
    this.#wanted = (key) => covered(key) && !(hides && inReserved(key))
  }

  /** Sets the watch and reads everything. Throws the exceptions of the session, or a NoRecursiveWatch. */
  async snapshot(): Promise<StoreEvent> {
    // A server may lag behind the ensemble; after a sync, it has all earlier writes.
    this.#expectRoom = this.session.budget()
    await this.session.request(opcode.sync, pathBody('/'))
    if (this.mode === 'recursive') await Promise.all(this.#roots.map((root) => this.#arm(root)))
    await Promise.all(this.#roots.map((root) => this.#visit(root, true)))
    this.#changes = new Map()
    const entries = new Map(this.#held)
    void this.#catchUp()
    return { kind: 'snapshot', entries }
  }

  /** Call this for every event of the session, including events before snapshot(). */
  onEvent({ path, structural }: WatchEvent): void {
    const { chroot } = this
    if (!`${path}/`.startsWith(`${chroot}/`)) throw new RangeError('an event outside of the chroot')
    const key = (path.slice(chroot.length) || '/') as Key
    this.#mark(key)
    // The parent may have become a directory or a key. (In the mode `once`, the parent has an event of its own.)
    if (structural && this.mode === 'recursive' && key !== '/') {
      this.#mark((key.slice(0, key.lastIndexOf('/')) || '/') as Key)
    }
  }

  #mark(key: Key): void {
    if (!this.#wanted(key) || this.#dirty.has(key)) return
    if (!this.#reading) this.#expectRoom = this.session.budget()
    this.#expectRoom(COST)
    this.#dirty.add(key)
    if (this.#reading) return
    this.#reading = true
    // Processes events that arrive together in one round.
    queueMicrotask(() => void this.#catchUp())
  }

  async #catchUp(): Promise<void> {
    try {
      while (this.#dirty.size > 0) {
        const keys = [...this.#dirty]
        this.#dirty.clear()
        this.#expectRoom = this.session.budget()
        await Promise.all(keys.map((key) => this.#visit(key, false)))
        const changes = this.#changes
        this.#changes = new Map()
        this.mailbox.put(changes)
      }
      this.#reading = false
    } catch (error) {
      this.mailbox.fail(error)
    }
  }

  async #arm(root: Key): Promise<void> {
    try {
      await this.session.request(opcode.addWatch, addWatchBody(this.#pathOf(root)))
    } catch (error) {
      // A server of version 3.6 or later answers `marshalling` if its watch manager does not support recursive
      // watches.
      const lacking = [errorCode.unimplemented, errorCode.marshalling] as readonly number[]
      if (error instanceof ZkError && lacking.includes(error.code)) throw new NoRecursiveWatch()
      throw error
    }
  }

  /**
   * Reads one znode. Also visits its children if the znode is new (`deep`). In the mode `once`, always visits the
   * children, because there is no other way to detect new ones.
   */
  async #visit(key: Key, deep: boolean): Promise<void> {
    const once = this.mode === 'once'
    const data = await this.#read(opcode.getData, key)
    if (data === undefined) return this.#visitMissing(key)
    const { value, numChildren: counted } = data.data()
    data.end()
    let numChildren = counted
    let children: readonly string[] = []
    if (once || (deep && numChildren > 0)) {
      const listing = await this.#read(opcode.getChildren2, key)
      if (listing === undefined) return this.#visitMissing(key)
      children = listing.children()
      listing.end()
      numChildren = children.length
    }
    this.#set(key, value !== '' || numChildren === 0 ? value : null)
    if (once) this.#seen.add(key)
    const below = children
      .map((name): Key => `${key === '/' ? '' : key}/${name}`)
      .filter((child) => this.#wanted(child) && !this.#seen.has(child))
    this.#expectRoom(below.length * COST)
    await Promise.all(below.map((child) => this.#visit(child, true)))
  }

  async #visitMissing(key: Key): Promise<void> {
    this.#set(key, null)
    this.#seen.delete(key)
    // Only `exists` can watch a missing znode. Below a prefix, the watch of the parent suffices.
    if (this.mode !== 'once' || !this.#roots.includes(key)) return
    const found = await this.#read(opcode.exists, key)
    if (found !== undefined) await this.#visit(key, true)
  }

  /** Reads a znode. Returns undefined if the znode does not exist. */
  async #read(operation: number, key: Key): Promise<JuteReader | undefined> {
    const path = this.#pathOf(key)
    const body: Body = readBody(path, this.mode === 'once')
    try {
      return await this.session.request(operation, body)
    } catch (error) {
      if (!(error instanceof ZkError)) throw error
      if (error.code === errorCode.noNode) return undefined
      if (error.code === errorCode.noAuth) throw this.denied(path)
      throw this.session.fault(`failed on ${path}: ${error.message}`)
    }
  }

  #set(key: Key, value: string | null): void {
    // The root of a store is not a key.
    if (key === '/' || (this.#held.get(key) ?? null) === value) return
    if (value === null) this.#held.delete(key)
    else this.#held.set(key, value)
    this.#changes.set(key, value)
  }

  #pathOf(key: Key): string {
    return key === '/' ? this.chroot || '/' : this.chroot + key
  }
}
