// Shared by the tests of the engine: resources in short form, a clock that the test controls, and the parts of a run.
import { Claims } from '../../src/core/claims.ts'
import type { Clock } from '../../src/core/clock.ts'
import type { Emit } from '../../src/core/event.ts'
import { plainReload, type Resource, type TemplateSpec } from '../../src/core/resource.ts'
import { Desk } from '../../src/engine/desk.ts'
import { KeptKeys } from '../../src/engine/kept-keys.ts'
import { realMachine } from '../../src/engine/machine.ts'
import type { Parts } from '../../src/engine/parts.ts'
import { Accepted } from '../../src/state/accepted.ts'
import { HeldKeys } from '../../src/state/held-keys.ts'
import { noFolder } from '../../src/state/folder.ts'
import { noJournal } from '../../src/state/journal.ts'
import { openManifest } from '../../src/state/manifest.ts'
import { Records } from '../../src/state/records.ts'
import { thisProcess } from '../../src/system/process.ts'

/** Milliseconds since 1970 when the test clock starts. */
export const EPOCH = 1_760_000_000_000

export class TestClock implements Clock {
  #now = 0
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>()

  now(): number {
    return this.#now
  }

  time(): number {
    return EPOCH + this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Advances the clock without firing timers, as on a machine that hangs. */
  jump(ms: number): void {
    this.#now += ms
  }

  /** Advances the clock and fires the timers that become due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const [first] = [...this.#timers].sort((a, b) => a.at - b.at)
      if (first === undefined || first.at > end) break
      this.#timers.delete(first)
      this.#now = Math.max(this.#now, first.at)
      first.callback()
    }
    this.#now = end
  }
}

const spec = (name: string): TemplateSpec => ({
  src: `/nonexistent/templates/${name}`,
  dest: `/nonexistent/${name}`,
  prefix: '/',
  keys: ['/'],
  trimBlocks: true,
  lstripBlocks: true,
  checkTimeout: 10_000,
  reloadTimeout: 10_000,
  followSymlinks: true,
  mkdirs: false,
})

/** Returns a resource with one template. */
export const resourceOf = (
  name: string,
  template: Partial<TemplateSpec> = {},
  more: Partial<Resource> = {},
): Resource => ({
  name,
  templates: [{ ...spec(name), ...template }],
  holdDown: 0,
  allowEmpty: false,
  reload: plainReload,
  ...more,
})

const STATE = '/nonexistent/state'
const CONFDIR = '/nonexistent'

/** Returns the parts of a run with -noop, which reads the real machine but changes nothing. */
export const noopParts = (clock: Clock, emit: Emit): Parts => ({
  machine: realMachine,
  clock,
  desk: new Desk(noJournal, clock, emit, true),
  memory: new Records(STATE, CONFDIR, false),
  manifest: openManifest(STATE, CONFDIR),
  accepted: new Accepted(STATE, CONFDIR),
  kept: new KeptKeys(new HeldKeys(STATE, CONFDIR, false), clock, emit),
  state: noFolder,
  claims: new Claims(),
  emit,
  self: thisProcess(),
  mode: { noop: true, keepStageFile: false },
  runtime: () => Promise.reject(new Error('there is no HAProxy')),
  showPlan: () => undefined,
  showWritten: () => undefined,
})
