// What crashed runs have left beside destinations: staged files of processes that are gone.
import { readdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { fixedFolder } from '../core/for-each.ts'
import type { Folder } from '../system/folder.ts'
import { locate, type Destination } from '../system/place.ts'
import { sweepFolder } from '../system/temporary.ts'

/** Folders that are looked into below those of for_each templates, one after the other. */
const FOLDERS_MOST = 1000

/** What a template writes: one file, or with forEach some in the folder that `dest` fixes. */
export interface Swept extends Destination {
  readonly forEach?: string
  readonly backup?: boolean
}

/**
 * Removes staged files: of a plain template those of its own destination, of a for_each template all
 * in the folder of its files and in those below. Call it once at start (not with -noop). Never throws.
 * @param made files of for_each templates that are known to be there
 * @returns the paths that were removed
 */
export function sweepStaged(specs: readonly Swept[], made: readonly string[]): readonly string[] {
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

/** A folder, reached through one of the destinations in it, with the names of all of them. */
interface Shared {
  readonly one: Destination
  readonly names: Set<string>
}

/** The folders of plain templates. Thousands of destinations may share one: it is read once. */
function foldersOf(specs: readonly Swept[]): Iterable<Shared> {
  const folders = new Map<string, Shared>()
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

/** Links are not followed: no staged file of for_each is behind one. */
function sweepBelow(folder: Folder, budget: { left: number }): string[] {
  const removed = sweepFolder(folder)
  for (const entry of foldersIn(folder)) {
    if (budget.left-- <= 0) break
    try {
      const inner = folder.child(entry)
      removed.push(...sweepBelow(inner, budget))
      inner.close()
    } catch {
      // Gone, or a link by now.
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
    // It leads through a link of somebody else: nothing of ours is there.
  }
}
