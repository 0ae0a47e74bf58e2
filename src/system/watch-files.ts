// Watches conf.d, the templates folder and the files that renders depend on, for as long as a daemon runs.
// What changed is found by comparing which file each path leads to, and as of when: a link anywhere on the way
// that points elsewhere changes the files behind it, as an edit does.
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

/** How long nothing further may happen before it is compared, and the most that this puts it off: milliseconds. */
const SETTLE = 100
const SETTLE_MOST = 2000

/** How often it is looked whether a folder is another one by now, in milliseconds. */
const LOOK = 1000

/** By path; empty for a path where nothing is. */
type Stamps = Map<string, string>

/**
 * Calls `changed` with the paths that were added, changed or removed, a batch at a time: an editor
 * that saves makes several events, and a half-saved file is worth nothing. Resolves once armed.
 * @param folders absolute paths; what is in them counts, but for names with a leading dot
 */
export async function watchFiles(
  folders: readonly string[],
  changed: (paths: ReadonlySet<string>) => void,
): Promise<FileWatch> {
  const closing = new AbortController()
  const bell = new Bell(closing.signal)
  /** Beside the folders, with the stamps that they had when they were added. */
  const added: Stamps = new Map()

  const look = async (): Promise<Stamps> => {
    for (;;) {
      const links = new Links()
      const stamps: Stamps = new Map()
      for (const folder of folders) await lookInto(folder, links, stamps, [])
      for (const path of added.keys()) if (!stamps.has(path)) await lookAt(path, links, stamps)
      // What happened before a folder was watched went unseen.
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
  // No event tells of a folder that was renamed away with its parent: the bell stays with the old one.
  let seen = identities(folders)
  const visiting = setInterval(() => {
    const now = identities(folders)
    if (now !== seen) bell.ring()
    seen = now
  }, LOOK).unref()
  const comparing = compare()

  return {
    add(paths) {
      for (const path of paths) {
        if (added.has(path) || known.has(path)) continue
        // Taken now: what changes while the bell is being hung is seen as well.
        added.set(path, stampNow(path))
        bell.ring()
      }
    },
    async close() {
      closing.abort()
      clearInterval(visiting)
      await comparing
      await bell.close()
    },
  }
}

/** @param above the folders that it lies in, without links */
async function lookInto(
  folder: string,
  links: Links,
  stamps: Stamps,
  above: readonly string[],
): Promise<void> {
  const real = await links.end(folder)
  if (above.includes(real)) return // a link to a folder that holds it
  const entries = await readdir(real).catch(() => undefined)
  if (entries === undefined) return expect(real, links)
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
  if (found === undefined) await expect(real, links)
  return found
}

/** Of a path where nothing is, the folder that it would begin in is watched. */
async function expect(path: string, links: Links): Promise<void> {
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

/** Detects replaced folders. Synchronous and cheap: nothing else runs at rest. */
function identities(folders: readonly string[]): string {
  return folders.map(identity).join(' ')
}

function identity(folder: string): string {
  try {
    const found = statSync(folder, { throwIfNoEntry: false })
    return `${found?.dev}:${found?.ino}`
  } catch {
    return ''
  }
}
