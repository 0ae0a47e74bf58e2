// Guards: hold a change that a resource's guard trips at, until it is accepted or another one comes.
// What a change is compared with is the last applied render, remembered from run to run.
import { warnIfFailed, type Emit } from '../core/event.ts'
import { trips } from '../core/guard.ts'
import type { Key } from '../core/key.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { Records } from '../state/records.ts'

/** One rendered file of a resource that has a guard. */
export interface GuardedFile {
  readonly spec: TemplateSpec
  readonly keys: ReadonlySet<Key>
  /** Of the new content, in bytes. */
  readonly size: number
  /** Of what stands at the destination; undefined when nothing does. */
  readonly lastSize: number | undefined
}

const ANY = 'any'

/** How many vanished keys an event names; the rest is counted. */
const KEYS_NAMED = 20

export class Guards {
  /** By resource: the hash of the content that is held. */
  readonly #held = new Map<string, string>()
  /** By resource: the hash of the content that may pass, or ANY for one that was accepted beforehand. */
  readonly #accepted = new Map<string, string>()

  /**
   * @param beforehand resources whose next change was accepted while no daemon ran
   * @param passed told when an accepted change is in place
   */
  constructor(
    private readonly records: Records,
    private readonly emit: Emit,
    beforehand: Iterable<string>,
    private readonly passed: (resource: string) => Promise<void>,
  ) {
    for (const resource of beforehand) this.#accepted.set(resource, ANY)
  }

  /** Lets the change pass that is held, or was rolled back; false when there is none. */
  async accept(resource: string): Promise<boolean> {
    const hash = this.#held.get(resource) ?? (await this.records.get(resource)).rejected
    if (hash === undefined) return false
    this.#accepted.set(resource, hash)
    return true
  }

  /** @param hash of the whole content of the resource */
  isAccepted(resource: string, hash: string): boolean {
    const accepted = this.#accepted.get(resource)
    return accepted === ANY || accepted === hash
  }

  /**
   * True when the change has to wait; then it has been told why.
   * @param hash of the whole content of the resource
   */
  async holds({ name }: Resource, hash: string, files: readonly GuardedFile[]): Promise<boolean> {
    this.#held.delete(name)
    if (this.isAccepted(name, hash)) return false
    const { keys: last } = await this.records.get(name)
    for (const { spec, keys, size, lastSize } of files) {
      if (spec.guard === undefined) continue
      const lastKeys = last.get(spec.dest)
      const before = lastKeys && { keys: lastKeys, size: lastSize ?? 0 }
      const tripped = trips(spec.guard, before, { keys, size })
      if (tripped === undefined) continue
      this.#held.set(name, hash)
      const { reason, vanished } = tripped
      this.emit({
        kind: 'held',
        resource: name,
        dest: spec.dest,
        reason,
        vanished: vanished.slice(0, KEYS_NAMED),
        more: Math.max(0, vanished.length - KEYS_NAMED),
      })
      return true
    }
    return false
  }

  /** The files are in place: the next change is compared with them, and has to be accepted anew. */
  async applied({ name }: Resource, files: readonly GuardedFile[]): Promise<void> {
    this.#held.delete(name)
    if (this.#accepted.delete(name)) {
      this.emit({ kind: 'accepted', resource: name })
      await this.passed(name)
    }
    if (files.length === 0) return
    const { keys: known } = await this.records.get(name)
    const keys = new Map(files.map((file) => [file.spec.dest, file.keys]))
    if ([...keys].every(([dest, now]) => areEqual(known.get(dest), now))) return
    warnIfFailed(this.emit, await this.records.set(name, { keys }))
  }
}

const areEqual = (a: ReadonlySet<Key> | undefined, b: ReadonlySet<Key>): boolean =>
  a !== undefined && a.size === b.size && [...a].every((key) => b.has(key))
