// Watches conf.d, the templates folder and the files that renders depend on, while a daemon is running. Detects changes
// by comparing the file behind each path and its state, so a link on the path that now points elsewhere is a change,
// too.
import { statSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Bell } from './bell.ts'
import { Links, stampOf } from './links.ts'

export interface FileWatch {
  /** Watches further paths; those already watched are ignored. */
  add(paths: Iterable<string>): void
  close(): Promise<void>
}

/** Milliseconds that must pass without events before the paths are compared. */
const SETTLE = 100
/** Maximum milliseconds from the first event to the comparison, even if events keep arriving. */
const SETTLE_MOST = 2000

/** The result of `stampOf` by path; empty for a missing path. */
type Stamps = Map<string, string>

/**
 * Calls `changed` with added, changed and removed paths. Collects paths until no event has arrived for a moment,
 * because an editor causes several events when it saves, and a partial file is useless. Resolves when all watches are
 * ready.
 * @param folders absolute paths, watched recursively except for names with a leading dot
 */
export async function watchFiles(
  folders: readonly string[],
  changed: (paths: ReadonlySet<string>) => void,
): Promise<FileWatch> {
  const closing = new AbortController()
  const bell = new Bell(closing.signal)
  /** Paths added by `add`, with their stamps at that time. */
  const added: Stamps = new Map()

  const look = async (): Promise<Stamps> => {
    for (;;) {
      const links = new Links()
      const stamps: Stamps = new Map()
      for (const folder of folders) await lookInto(folder, links, stamps, [])
      for (const path of added.keys()) if (!stamps.has(path)) await lookAt(path, links, stamps)
      // Changes made before a folder was watched were missed, so look again.
      const unseen = await bell.watch(links.places)
      if (!unseen || closing.signal.aborted) return stamps
    }
  }
  let known = await look()
  const compare = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await bell.rung(SETTLE, SETTLE_MOST)
      const now = await look()
      if (closing.signal.aborted) return
      const before = new Map([...added, ...known])
      known = now
      const paths = [...new Set([...before.keys(), ...now.keys()])]
      const differing = paths.filter((path) => (before.get(path) ?? '') !== (now.get(path) ?? ''))
      if (differing.length > 0) changed(new Set(differing))
    }
  }
  const comparing = compare()

  return {
    add(paths) {
      for (const path of paths) {
        if (added.has(path) || known.has(path)) continue
        // The stamp is taken now, so that changes before the watch is ready are detected, too.
        added.set(path, stampNow(path))
        bell.ring()
      }
    },
    async close() {
      closing.abort()
      await comparing
      await bell.close()
    },
  }
}

/** @param above the resolved paths of the parent folders of `folder` */
async function lookInto(
  folder: string,
  links: Links,
  stamps: Stamps,
  above: readonly string[],
): Promise<void> {
  const real = await links.end(folder)
  if (above.includes(real)) return // the folder is a link to one of its parents
  const entries = await readdir(real).catch(() => undefined)
  if (entries === undefined) return watchParent(real, links)
  links.whole(real)
  for (const entry of entries.filter((name) => !name.startsWith('.'))) {
    const path = join(folder, entry)
    const found = await lookAt(path, links, stamps)
    if (found?.isDirectory() !== true) continue
    stamps.delete(path)
    await lookInto(path, links, stamps, [...above, real])
  }
}

async function lookAt(path: string, links: Links, stamps: Stamps) {
  const real = await links.end(path)
  const found = await stat(real, { bigint: true }).catch(() => undefined)
  stamps.set(path, found === undefined ? '' : stampOf(found))
  if (found === undefined) await watchParent(real, links)
  return found
}

/** Watches the innermost existing folder of a missing path. */
async function watchParent(path: string, links: Links): Promise<void> {
  for (let at = path; dirname(at) !== at; at = dirname(at)) {
    links.note(at)
    if ((await stat(dirname(at)).catch(() => undefined)) !== undefined) return
  }
}

function stampNow(path: string): string {
  try {
    const found = statSync(path, { bigint: true, throwIfNoEntry: false })
    return found === undefined ? '' : stampOf(found)
  } catch {
    return ''
  }
}
