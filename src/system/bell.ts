// Watches folders and rings when a watched name in them changes. A ring only means that the caller should compare the
// files again. Apart from this module, only removal.ts uses the file watches of the system.
//
// chokidar watches only folders, not recursively, because a replaced file, or the swapped `..data` link of a ConfigMap,
// is noticed in its folder. Each folder has its own watcher, because only a new watcher reports when it is ready.
//
// The kernel watches a folder, not its path: renaming a folder above it causes no event, and a folder that was missing
// when `watch` was called has no watcher. So every `VISIT` milliseconds, the paths are also compared with the folders
// behind them.
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FSWatcher } from 'chokidar'
import type { Places } from './links.ts'

/** Milliseconds between two comparisons of the paths with the watched folders. */
const VISIT = 1000

interface Watched {
  readonly watcher: FSWatcher
  names: ReadonlySet<string> | 'all'
}

export class Bell {
  readonly #watched = new Map<string, Watched>()
  /** The identities of the wanted folders at the last call to `watch`, by path. */
  #identities = new Map<string, string>()
  readonly #visits = setInterval(() => this.#visit(), VISIT).unref()
  #rung = false
  #answer: (() => void) | undefined

  /** @param signal aborts all waits */
  constructor(private readonly signal: AbortSignal) {
    signal.addEventListener('abort', this.ring, { once: true })
  }

  readonly ring = (): void => {
    this.#rung = true
    this.#answer?.()
  }

  /**
   * Resolves once the bell has rung since the last call, and has then been quiet.
   * @param quiet milliseconds without a ring
   * @param most limit of the wait for quiet, in milliseconds
   */
  async rung(quiet: number, most: number): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#answer = resolve))
    this.#answer = undefined
    for (const end = performance.now() + most; this.#rung && !this.signal.aborted;) {
      this.#rung = false
      await sleep(quiet)
      if (performance.now() >= end) break
    }
  }

  /**
   * Watches these folders and no others. Returns true if a watcher was added. Changes before that watcher was ready
   * were missed, so the caller must then compare the files again.
   */
  async watch(places: Places): Promise<boolean> {
    const wanted = new Map<string, [folder: string, names: ReadonlySet<string> | 'all']>()
    this.#identities = new Map()
    for (const [folder, names] of places) {
      const identity = identityOf(folder)
      this.#identities.set(folder, identity)
      // A recreated folder has the same path, but needs a new watcher.
      if (identity !== '') wanted.set(`${identity}:${folder}`, [folder, names])
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

  #visit(): void {
    for (const [folder, identity] of this.#identities) {
      if (identityOf(folder) !== identity) return this.ring()
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#visits)
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
    // chokidar does not report that a link now points elsewhere, but the kernel does.
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

/**
 * Returns the device and inode of a folder; empty if the folder is missing. Synchronous and cheap, because it also runs
 * while nothing changes.
 */
function identityOf(folder: string): string {
  try {
    const found = statSync(folder, { throwIfNoEntry: false })
    return found === undefined ? '' : `${found.dev}:${found.ino}`
  } catch {
    return ''
  }
}
