// The znodes below the prefixes as keys: all of them once, then whatever a watch says has changed.
//
// A znode is a key with its data, except a directory: one that has children and no data. So a
// znode may turn from a key into a directory and back when its children come and go.
//
// An event only says where to look. The watch is armed before the reading, and a reading that an
// event overtakes is made again, so the last state is always seen, whatever was missed on the way.
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

/** Thrown when the server has no watch for whole trees: one before 3.6. */
export class NoRecursiveWatch extends Error {}

/** `recursive`: one watch for each prefix. `once`: two for each znode, which fire only once. */
export type WatchMode = 'recursive' | 'once'

/** Bytes that a znode costs beside its own, roughly: the request for it, until it is answered. */
const COST = 512

/** ZooKeeper's own bookkeeping, in every ensemble. */
const RESERVED: Key = '/zookeeper'

export class Znodes {
  /** What the consumer knows, or is about to. */
  readonly #held = new Map<Key, string>()
  /** All znodes that were seen, directories too; only kept for the mode `once`. */
  readonly #seen = new Set<Key>()
  readonly #roots: readonly Key[]
  readonly #wanted: (key: Key) => boolean
  readonly #dirty = new Set<Key>()
  #changes = new Map<Key, string | null>()
  /** While it reads, what gets dirty waits for the next round. */
  #reading = true
  /** Throws when a round of reading has become too large. */
  #expectRoom: (more?: number) => void = () => undefined

  constructor(
    private readonly session: Session,
    private readonly mailbox: ChangeBuffer,
    private readonly mode: WatchMode,
    /** Empty, or such as `/prod`: the znode that is `/` to us. */
    private readonly chroot: string,
    prefixes: readonly Key[],
    private readonly denied: (path: string) => unknown,
  ) {
    this.#roots = outermost(prefixes)
    const covered = coveredBy(prefixes)
    const inReserved = coveredBy([RESERVED])
    // Everything (`/`) means everything of ours. Who asks for /zookeeper/config by name gets it.
    const hides = chroot === '' && this.#roots.includes('/')
    this.#wanted = (key) => covered(key) && !(hides && inReserved(key))
  }

  /** Arms the watch and reads everything. Throws what the session throws, or NoRecursiveWatch. */
  async snapshot(): Promise<StoreEvent> {
    // A server may lag behind the ensemble; after this it knows all that was written before.
    this.#expectRoom = this.session.budget()
    await this.session.request(opcode.sync, pathBody('/'))
    if (this.mode === 'recursive') await Promise.all(this.#roots.map((root) => this.#arm(root)))
    await Promise.all(this.#roots.map((root) => this.#visit(root, true)))
    this.#changes = new Map()
    const entries = new Map(this.#held)
    void this.#catchUp()
    return { kind: 'snapshot', entries }
  }

  /** To be called with every event of the session, from before snapshot() on. */
  onEvent({ path, structural }: WatchEvent): void {
    const { chroot } = this
    if (!`${path}/`.startsWith(`${chroot}/`)) throw new RangeError('an event from elsewhere')
    const key = (path.slice(chroot.length) || '/') as Key
    this.#mark(key)
    // Whether the parent is a directory may have changed. (In the mode `once` it is told itself.)
    if (structural && this.mode === 'recursive' && key !== '/') {
      this.#mark((key.slice(0, key.lastIndexOf('/')) || '/') as Key)
    }
  }

  #mark(key: Key): void {
    if (!this.#wanted(key)) return
    this.#dirty.add(key)
    if (this.#reading) return
    this.#reading = true
    // Events that came together are looked at together.
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
      // The second: 3.6 and later with a watch manager that has no recursive watches.
      const lacking = [errorCode.unimplemented, errorCode.marshalling] as readonly number[]
      if (error instanceof ZkError && lacking.includes(error.code)) throw new NoRecursiveWatch()
      throw error
    }
  }

  /**
   * Reads one znode. Its children are visited as well when the znode is new (`deep`), or has no
   * other way to tell of new ones (the mode `once`).
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
    // Only this watch can stand on a znode that is not there. Below a prefix the parent tells.
    if (this.mode !== 'once' || !this.#roots.includes(key)) return
    const found = await this.#read(opcode.exists, key)
    if (found !== undefined) await this.#visit(key, true)
  }

  /** Undefined when the znode is not there. */
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
    // No store has a key for its root.
    if (key === '/' || (this.#held.get(key) ?? null) === value) return
    if (value === null) this.#held.delete(key)
    else this.#held.set(key, value)
    this.#changes.set(key, value)
  }

  #pathOf(key: Key): string {
    return key === '/' ? this.chroot || '/' : this.chroot + key
  }
}
