// Logs once what reconfd is waiting for, if nothing happens for a while at the start, so that a silent program is
// not mistaken for a hanging one.
import type { Emit, Event } from '../core/event.ts'
import { duration, listed } from '../core/words.ts'
import { Progress } from './progress.ts'

/** Milliseconds without events after which the notice is logged. */
const SILENCE = 10_000

export class StartupNotice {
  #progress = new Progress()
  #timer: NodeJS.Timeout | undefined

  /** @param silence milliseconds */
  constructor(
    private readonly emit: Emit,
    private readonly silence = SILENCE,
  ) {
    this.#timer = setTimeout(() => this.#report(), silence).unref()
  }

  note(event: Event): void {
    if (this.#timer === undefined) return
    this.#progress.note(event, Date.now())
    this.#timer.refresh()
  }

  #report(): void {
    this.#timer = undefined
    const awaited = awaitedIn(this.#progress)
    this.#progress = new Progress()
    if (awaited === undefined) return
    const message = `still waiting after ${duration(this.silence)} for ${awaited}`
    this.emit({ kind: 'notice', level: 'info', message })
  }
}

function awaitedIn({ uses, runs, stores, resources }: Progress): string | undefined {
  if (uses === undefined) return 'the configuration'
  const [run] = runs.values()
  if (run !== undefined) return `the end of the reload of ${listed(run.resources)}: ${run.command}`
  const unread = [...stores.values()].filter(({ state }) => state === 'waiting')
  if (unread.length > 0) return `the keys of ${listed(unread.map(({ name }) => name))}`
  const all = [...resources.values()]
  const unknown = all.flatMap(({ awaits }) => {
    return awaits?.event.kind === 'awaits'
      ? [`${listed(awaits.event.keys)} of ${awaits.event.store}`]
      : []
  })
  if (unknown.length > 0) return listed([...new Set(unknown)])
  const unseen = all.filter(({ isSeen }) => !isSeen).map(({ name }) => name)
  if (unseen.length === 0) return undefined
  return `${listed(unseen)}: a check is running, or keys keep changing`
}
