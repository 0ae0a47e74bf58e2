// The bell: rings when something happened at one of the places that were noted. It says only that it is
// time to look again; what changed is found by comparing. The one place where the system is asked to watch.
//
// chokidar watches folders, never recursively and never a file alone: a file that is replaced by
// a rename, or a ConfigMap's `..data` link that is swapped, is seen in its folder. One watcher a
// folder, since only a new watcher tells when it is armed.
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FSWatcher } from 'chokidar'
import type { Places } from './links.ts'

interface Watched {
  readonly watcher: FSWatcher
  names: ReadonlySet<string> | 'all'
}

export class Bell {
  readonly #watched = new Map<string, Watched>()
  #rung = false
  #answer: (() => void) | undefined

  /** @param signal wakes whoever waits */
  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', this.ring, { once: true })
  }

  readonly ring = (): void => {
    this.#rung = true
    this.#answer?.()
  }

  /** Resolves at the next ring, at once when it rang since the last wait; then waits for quiet. */
  async rung(quiet: number, most: number): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#answer = resolve))
    this.#answer = undefined
    for (const end = Date.now() + most; this.#rung && !this.signal.aborted;) {
      this.#rung = false
      await sleep(quiet)
      if (Date.now() >= end) break
    }
  }

  /**
   * Watches these folders and no others. True when a watcher was added: what happened before it
   * was armed went unseen, so look again.
   */
  async watch(places: Places): Promise<boolean> {
    const wanted = new Map<string, [folder: string, names: ReadonlySet<string> | 'all']>()
    for (const [folder, names] of places) {
      // A folder that was removed and made again has the same path and is another folder.
      const found = await stat(folder).catch(() => undefined)
      if (found) wanted.set(`${found.dev}:${found.ino}:${folder}`, [folder, names])
    }
    for (const [id, { watcher }] of this.#watched) {
      if (wanted.has(id)) continue
      this.#watched.delete(id)
      await watcher.close()
    }
    let added = false
    for (const [id, [folder, names]] of wanted) {
      const known = this.#watched.get(id)
      if (known !== undefined) known.names = names
      else {
        this.#watched.set(id, await this.#arm(folder, names))
        added = true
      }
    }
    return added
  }

  async close(): Promise<void> {
    this.signal.removeEventListener('abort', this.ring)
    await Promise.all([...this.#watched.values()].map(({ watcher }) => watcher.close()))
  }

  async #arm(folder: string, names: ReadonlySet<string> | 'all'): Promise<Watched> {
    const { FSWatcher } = await import('chokidar')
    const matters = (path: string): boolean =>
      path === folder ||
      watched.names === 'all' ||
      (dirname(path) === folder && watched.names.has(basename(path)))
    const watcher = new FSWatcher({
      depth: 0,
      followSymlinks: false,
      ignoreInitial: true,
      ignored: (path) => !matters(path),
    })
    const watched: Watched = { watcher, names }
    watcher.add(folder)
    watcher.on('all', this.ring)
    // A link that now points elsewhere is no change to chokidar, but the kernel tells of it.
    watcher.on('raw', (_event, path) => {
      const entry = typeof path === 'string' ? basename(path) : ''
      if (entry === '' || entry === basename(folder) || watched.names === 'all') this.ring()
      else if (watched.names.has(entry)) this.ring()
    })
    watcher.on('error', this.ring)
    await once(watcher, 'ready', { signal: this.signal }).catch(() => undefined)
    return watched
  }
}
