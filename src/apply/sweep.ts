// Removes staged files that crashed runs have left beside destinations.
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fixedFolder } from '../core/for-each.ts'
import type { Folder } from '../system/folder.ts'
import { locate, type Destination } from '../system/place.ts'
import { sweepFolder } from '../system/temporary.ts'

/** Maximum number of folders searched for one for_each template. */
const FOLDERS_MOST = 1000

/** The files of a template: one file, or with forEach all files in and below the fixed folder of `dest`. */
export interface SweptTemplate extends Destination {
  readonly forEach?: string
  readonly backup?: boolean
}

/**
 * Removes the leftover staged files of each plain template's destination, and all leftover staged files in and below
 * the folder of each for_each template. Call once at start, not with -noop. Never throws.
 * @param made known files of for_each templates
 * @returns the removed paths
 */
export function sweepStaged(
  specs: readonly SweptTemplate[],
  made: readonly string[],
): readonly string[] {
  const removed: string[] = []
  for (const spec of specs) {
    if (spec.forEach === undefined) continue
    const any = { dest: `${fixedFolder(spec.dest)}/.reconfd` }
    inFolderOf(any, (folder) => removed.push(...sweepBelow(folder, { left: FOLDERS_MOST })))
  }
  for (const { one, names } of foldersOf(specs)) {
    inFolderOf(one, (folder) => removed.push(...sweepFolder(folder, names)))
  }
  for (const dir of new Set(made.map((path) => dirname(path)))) {
    inFolderOf({ dest: `${dir}/.reconfd` }, (folder) => removed.push(...sweepFolder(folder)))
  }
  return removed
}

/** A folder, with the names of all destinations in it, and one of these destinations, through which it is opened. */
interface SharedFolder {
  readonly one: Destination
  readonly names: Set<string>
}

/** Returns each folder of the plain templates once, because thousands of destinations may share one folder. */
function foldersOf(specs: readonly SweptTemplate[]): Iterable<SharedFolder> {
  const folders = new Map<string, SharedFolder>()
  const plain = specs.filter(({ forEach }) => forEach === undefined)
  const backups = plain.flatMap(({ dest, backup }) =>
    backup === true ? [{ dest: `${dest}.bak`, followSymlinks: false }] : [],
  )
  for (const one of [...plain, ...backups]) {
    inFolderOf(one, ({ stats: { dev, ino } }, name) => {
      const id = `${dev} ${ino}`
      const shared = folders.get(id)
      if (shared === undefined) folders.set(id, { one, names: new Set([name]) })
      else shared.names.add(name)
    })
  }
  return folders.values()
}

/** Does not follow links, because for_each templates do not write through links. */
function sweepBelow(folder: Folder, budget: { left: number }): string[] {
  const removed = sweepFolder(folder)
  for (const entry of foldersIn(folder)) {
    if (budget.left-- <= 0) break
    try {
      const inner = folder.child(entry)
      removed.push(...sweepBelow(inner, budget))
      inner.close()
    } catch {
      // The folder was removed after it was listed, or replaced by a link.
    }
  }
  return removed
}

function foldersIn(folder: Folder): string[] {
  try {
    return readdirSync(folder.at('.'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
  } catch {
    return []
  }
}

function inFolderOf(destination: Destination, work: (folder: Folder, name: string) => void): void {
  try {
    const { folder, missing, name } = locate(destination)
    if (missing.length === 0) work(folder, name)
    folder.close()
  } catch {
    // The folder cannot be opened, for example because its path contains another user's link. reconfd does not write
    // through such links.
  }
}
