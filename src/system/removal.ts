// Detects the removal or replacement of a file. Waits for events instead of polling.
import { lstatSync, watch } from 'node:fs'

/**
 * Calls `callback` once, when the file is removed or replaced, unless the returned function stops the watch first.
 * Does not keep the process alive. Never calls `callback` if the file cannot be watched.
 */
export function onRemoval(path: string, callback: () => void): () => void {
  const inode = inodeOf(path)
  try {
    const watcher = watch(path, { persistent: false }, () => {
      if (inodeOf(path) === inode) return
      watcher.close()
      callback()
    })
    watcher.on('error', () => watcher.close())
    return () => watcher.close()
  } catch {
    return () => undefined
  }
}

const inodeOf = (path: string): number | undefined =>
  lstatSync(path, { throwIfNoEntry: false })?.ino
