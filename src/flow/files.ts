// Watches conf.d, the templates folder and the files that renders depend on, for as long as a daemon runs.
import { setTimeout as sleep } from 'node:timers/promises'

export interface FileWatch {
  /** Watches further paths; those already watched are ignored. */
  add(paths: Iterable<string>): void
  close(): Promise<void>
}

/** How long no further event may come before the paths are handed over, in milliseconds. */
const SETTLE = 100

/**
 * Calls `changed` with the paths that were added, changed or removed, a batch at a time: an editor
 * that saves makes several events, and a half-saved file is worth nothing. Resolves once armed.
 */
export async function watchFiles(
  paths: readonly string[],
  changed: (paths: ReadonlySet<string>) => void,
): Promise<FileWatch> {
  const { watch } = await import('chokidar')
  const watcher = watch([...paths], { ignoreInitial: true, ignorePermissionErrors: true })
  const known = new Set<string>(paths)
  const closing = new AbortController()
  let batch = new Set<string>()
  let last = 0

  const settle = async (): Promise<void> => {
    while (performance.now() - last < SETTLE) {
      await sleep(SETTLE, undefined, { signal: closing.signal })
    }
    const ready = batch
    batch = new Set()
    changed(ready)
  }
  watcher.on('all', (_event, path) => {
    last = performance.now()
    batch.add(path)
    if (batch.size === 1) settle().catch(() => undefined)
  })
  await new Promise<void>((resolve) => watcher.once('ready', resolve))

  return {
    add(more) {
      const fresh = [...more].filter(
        (path) => !known.has(path) && !paths.some((dir) => path.startsWith(`${dir}/`)),
      )
      for (const path of fresh) known.add(path)
      if (fresh.length > 0) watcher.add(fresh)
    },
    async close() {
      closing.abort()
      await watcher.close()
    },
  }
}
