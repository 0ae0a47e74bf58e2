// The state file of a registrar. The file contains the data that a later run needs to recognize the entries of this
// run, such as the id of their lease. Each registrar has one such file, beside its status file, and runs in only one
// process at a time.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { RegisterSettings } from '../core/register.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isNumber, isRecordOf, hasShape } from '../core/shape.ts'
import { shortId, replaceFile, STATE_HINT } from '../state/state-files.ts'
import { isRunning, thisProcess, type ProcessId } from '../system/process.ts'
import type { RegistryMemory } from './registries/registry.ts'

/** Identifies a registrar on this machine by its target and its sources. */
export function registrarId({ to, connection, own, conf, docker, host }: RegisterSettings): string {
  // A service with an explicit id stays the same when its port changes.
  const what = [own?.name, own?.id ?? own?.port, conf, docker?.engine]
  return shortId(JSON.stringify([to.kind, to.path, connection.nodes, host, ...what]))
}

export const registerStatusFile = (stateDir: string, id: string): string =>
  join(stateDir, `register-${id}.status.json`)

/** The status files of all registrars. */
export async function registerStatusFiles(stateDir: string): Promise<readonly string[]> {
  const names = await readdir(stateDir).catch(() => [])
  const own = names.filter((name) => /^register-[0-9a-f]+\.status\.json$/.test(name))
  return own.sort().map((name) => join(stateDir, name))
}

const isKept = hasShape({
  by: hasShape({ pid: isNumber, started: isNumber }),
  kept: isRecordOf(() => true),
})

interface MemoryFile {
  /** The process that runs this registrar. */
  readonly by: ProcessId
  readonly kept: Readonly<Record<string, unknown>>
}

/**
 * Reads the state file and claims the registrar for this process.
 * @param warn called when the file cannot be written, because a restarted registrar would then not recognize its
 *   entries; not called again before a write has succeeded
 */
export async function openMemory(
  stateDir: string,
  id: string,
  warn: (fault: Fault) => void,
): Promise<Result<RegistryMemory, Fault>> {
  const path = join(stateDir, `register-${id}.json`)
  const before = await read(path)
  if (before !== undefined && before.by.pid !== process.pid && isRunning(before.by)) {
    const message = `another reconfd (pid ${before.by.pid}) is registering the same services`
    const hint = 'stop that process, or run this one with another -state-dir and other ids'
    return err({ kind: 'config', message, hint })
  }
  const by = thisProcess()
  let kept = before?.kept ?? {}
  let failed = false
  const write = async (): Promise<void> => {
    try {
      await replaceFile(path, JSON.stringify({ by, kept } satisfies MemoryFile), true)
      failed = false
    } catch (error) {
      if (!failed) warn(ioFault(`cannot write the state file ${path}`, error, STATE_HINT))
      failed = true
    }
  }
  await write()
  return ok({
    get kept() {
      return kept
    },
    async keep(what) {
      kept = what
      await write()
    },
  })
}

async function read(path: string): Promise<MemoryFile | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isKept(value) ? (value as MemoryFile) : undefined
  } catch {
    return undefined
  }
}
