// What a registrar keeps in the state folder from run to run: whatever its store needs to recognise the
// entries that it has left, such as the id of its lease. One small file for each registrar, and the status
// beside it. Only one process at a time is a given registrar.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import type { RegisterSettings } from '../core/register.ts'
import { err, ok, type Result } from '../core/result.ts'
import { number, recordOf, shape } from '../core/shape.ts'
import { idOf, replaceFile, STATE_HINT } from '../state/state-files.ts'
import { isRunning, thisProcess, type ProcessId } from '../system/process.ts'
import type { Memory } from './registries/registry.ts'

/** Tells the registrars of one machine apart: by where they register, and what. */
export function registrarId({ to, connection, own, conf, docker, host }: RegisterSettings): string {
  // With an id of its own, a service may change its port and is still the same.
  const what = [own?.name, own?.id ?? own?.port, conf, docker?.engine]
  return idOf(JSON.stringify([to.kind, to.path, connection.nodes, host, ...what]))
}

export const statusFile = (stateDir: string, id: string): string =>
  join(stateDir, `register-${id}.status.json`)

/** The status files of all registrars. */
export async function statusFiles(stateDir: string): Promise<readonly string[]> {
  const names = await readdir(stateDir).catch(() => [])
  const own = names.filter((name) => /^register-[0-9a-f]+\.status\.json$/.test(name))
  return own.sort().map((name) => join(stateDir, name))
}

const isKept = shape({ by: shape({ pid: number, started: number }), kept: recordOf(() => true) })

interface File {
  /** The process that is this registrar. */
  readonly by: ProcessId
  readonly kept: Readonly<Record<string, unknown>>
}

/**
 * Reads what was kept and makes this process the registrar.
 * @param warn told when it cannot be kept: then a restart does not recognise its entries
 */
export async function openMemory(
  stateDir: string,
  id: string,
  warn: (fault: Fault) => void,
): Promise<Result<Memory, Fault>> {
  const path = join(stateDir, `register-${id}.json`)
  const before = await read(path)
  if (before !== undefined && before.by.pid !== process.pid && isRunning(before.by)) {
    const message = `the same services are registered by another reconfd (process ${before.by.pid})`
    const hint = 'Stop that one, or give this one another -state-dir and other ids.'
    return err({ kind: 'config', message, hint })
  }
  const by = thisProcess()
  let kept = before?.kept ?? {}
  let failed = false
  const write = async (): Promise<void> => {
    try {
      await replaceFile(path, JSON.stringify({ by, kept } satisfies File), true)
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

async function read(path: string): Promise<File | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'))
    return isKept(value) ? (value as File) : undefined
  } catch {
    return undefined
  }
}
