// Watches conf.d, the templates folder and the files that renders depend on, for as long as a daemon runs.
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FSWatcher } from 'chokidar'

export interface FileWatch {
  /** Watches further paths; those already watched are ignored. */
  add(paths: Iterable<string>): void
  close(): Promise<void>
}

/** How long no further event may come before the paths are handed over, in milliseconds. */
const SETTLE = 100

/** How often it is looked whether a folder is another one by now, in milliseconds. */
const LOOK = 1000

/**
 * Calls `changed` with the paths that were added, changed or removed, a batch at a time: an editor
 * that saves makes several events, and a half-saved file is worth nothing. Resolves once armed.
 * @param folders absolute paths; one that is replaced as a whole, as deployments do by a rename or a
 *   link, is watched anew and is itself among the changed paths
 */
export async function watchFiles(
  folders: readonly string[],
  changed: (paths: ReadonlySet<string>) => void,
): Promise<FileWatch> {
  const { watch } = await import('chokidar')
  const known = new Set<string>(folders)
  const closing = new AbortController()
  let batch = new Set<string>()
  let last = 0

  const settle = async (): Promise<void> => {
    while (performance.now() - last < SETTLE) {
      await sleep(SETTLE, undefined, { signal: closing.signal })
    }
    const settled = batch
    batch = new Set()
    changed(settled)
  }
  const note = (path: string): void => {
    last = performance.now()
    if (batch.size === 0) settle().catch(() => undefined)
    batch.add(path)
  }
  const arm = (): FSWatcher =>
    watch([...known], { ignoreInitial: true, ignorePermissionErrors: true }).on('all', (_, path) =>
      note(path),
    )
  const ready = (armed: FSWatcher): Promise<void> =>
    new Promise((resolve) => armed.once('ready', resolve))
  let seen = await identities(folders)
  let watcher = arm()
  await ready(watcher)

  // No event tells of a folder that was renamed away with its parent: the watcher stays with the old one.
  const look = async (): Promise<void> => {
    for (;;) {
      await sleep(LOOK, undefined, { signal: closing.signal, ref: false })
      const now = await identities(folders)
      const replaced = folders.filter((_, n) => now[n] !== seen[n])
      seen = now
      if (replaced.length === 0) continue
      // Closed first: watchers of one path share what the system told of the first one's folder.
      await watcher.close()
      watcher = arm()
      await ready(watcher)
      replaced.forEach(note)
    }
  }
  const looking = look().catch(() => undefined)

  return {
    add(more) {
      const fresh = [...more].filter(
        (path) => !known.has(path) && !folders.some((dir) => path.startsWith(`${dir}/`)),
      )
      for (const path of fresh) known.add(path)
      if (fresh.length > 0) watcher.add(fresh)
    },
    async close() {
      closing.abort()
      await looking
      await watcher.close()
    },
  }
}

/** Of each folder, by which it is told from another one of its name; empty when there is none. */
async function identities(folders: readonly string[]): Promise<string[]> {
  const found = await Promise.all(folders.map((folder) => stat(folder).catch(() => undefined)))
  return found.map((entry) => (entry === undefined ? '' : `${entry.dev}:${entry.ino}`))
}
