// The file store: reads keys from YAML, JSON and TOML files, or from folders of such files. Needs no server.
//
// For the snapshot, the store only reads the files. The watch starts when the second event is requested, so a onetime
// run never loads chokidar. The files are then read again, so that no change is missed. A file that cannot be read or
// parsed breaks the watch: the last good keys remain, and feeds/follow.ts watches again later.
//
// A file may be read while a program is still writing it, and the target of a link may not exist yet. So the files are
// read only when no change has arrived for `quiet` milliseconds, and a file that is unreadable, malformed or suddenly
// empty has `patience` milliseconds to become valid. Slower writers should rename files into place.
import { setTimeout as sleep } from 'node:timers/promises'
import { FaultError, type Fault } from '../core/fault.ts'
import { compileGlob, type Glob } from '../core/glob.ts'
import type { Key } from '../core/key.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Limits, StoreSettings } from '../core/settings.ts'
import type { Store, StoreEvent } from '../core/store.ts'
import { difference, isEmptyDelta } from './delta.ts'
import { readKeysFiles, type FileContents, type ParsedFiles } from './file/read.ts'
import { coveredBy } from './roots.ts'

/** Milliseconds without a change before the files are read. */
const quiet = 30
/** Maximum time to wait for `quiet` milliseconds without a change, in milliseconds. */
const quietMost = 500
/** Time that invalid files have to become valid, in milliseconds. */
const patience = 500
/** Milliseconds between two attempts to read invalid files. */
const pause = 50

/** Opens the store of `-backend file`. Returns a fault if a setting is invalid. Only watch() reads files. */
export function open(settings: StoreSettings): Result<Store, Fault> {
  const { files } = settings
  if (files.length === 0) {
    return err({
      kind: 'config',
      message: 'the file backend has no file to read',
      hint: 'set -file to a YAML, JSON or TOML file, or to a folder of such files',
    })
  }
  let filter: Glob
  try {
    filter = compileGlob(settings.filter)
  } catch {
    return err({
      kind: 'config',
      message: `-filter is not a valid pattern: "${settings.filter}"`,
      hint: 'use * and ? and [abc], as in "*.yaml"',
    })
  }
  const watch: Store['watch'] = (_node, prefixes, signal) =>
    watchFiles({ files, filter, prefixes, limits: settings.limits }, signal)
  return ok({ name: 'file', nodes: [files.join(', ')], watch })
}

interface Source {
  readonly files: readonly string[]
  readonly filter: Glob
  readonly prefixes: readonly Key[]
  readonly limits: Limits
}

async function* watchFiles(source: Source, signal: AbortSignal): AsyncGenerator<StoreEvent> {
  const known: ParsedFiles = new Map()
  if (signal.aborted) return
  let entries: ReadonlyMap<Key, string> = (await read(source, known)).entries
  if (signal.aborted) return
  yield { kind: 'snapshot', entries }
  if (signal.aborted) return

  const { Bell } = await import('../system/bell.ts')
  const bell = new Bell(signal)
  try {
    for (;;) {
      const reading = await readSettled(source, known, entries.size > 0, signal)
      if (reading === undefined) return
      const unseen = await bell.watch(reading.places)
      if (signal.aborted) return
      const changes = difference(entries, reading.entries)
      entries = reading.entries
      if (!isEmptyDelta(changes)) yield { kind: 'delta', ...changes }
      if (!unseen) await bell.rung(quiet, quietMost)
      if (signal.aborted) return
    }
  } finally {
    await bell.close()
  }
}

/** Reads and merges all files. Drops keys outside of the prefixes. Throws a FaultError. */
async function read(source: Source, known: ParsedFiles): Promise<FileContents> {
  const { files, filter, prefixes, limits } = source
  const contents = await readKeysFiles(files, filter, limits, known)
  const wanted = coveredBy(prefixes)
  for (const key of contents.entries.keys()) if (!wanted(key)) contents.entries.delete(key)
  return contents
}

/**
 * Reads repeatedly until the files are valid. After `patience`, accepts files without keys and throws the fault of
 * invalid files. Resolves with undefined if the signal is aborted.
 */
async function readSettled(
  source: Source,
  known: ParsedFiles,
  hadKeys: boolean,
  signal: AbortSignal,
): Promise<FileContents | undefined> {
  for (const end = performance.now() + patience; !signal.aborted; await sleep(pause)) {
    const late = performance.now() >= end
    try {
      const reading = await read(source, known)
      if (late || !hadKeys || reading.entries.size > 0) return reading
    } catch (error) {
      if (late || !(error instanceof FaultError)) throw error
    }
  }
  return undefined
}
