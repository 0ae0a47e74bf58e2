// Finds the program of a command as execvp(3) does, so that a missing one is reported by us, with the exit
// codes that shells have for it, and not by whatever starts it.
import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'

/** Why a child was not started. */
export interface NotStarted {
  readonly fault: Fault
  /** As shells have it: 127 the program was not found, 126 it cannot be executed. */
  readonly exit: 126 | 127
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * @param name a path when it holds a `/`, else looked up
 * @param path the folders, as in PATH
 */
export function findProgram(name: string, path = DEFAULT_PATH): Result<string, NotStarted> {
  const paths = name.includes('/')
    ? [name]
    : path.split(':').map((folder) => join(folder === '' ? '.' : folder, name))
  let refused: string | undefined
  for (const candidate of paths) {
    const error = whyNotExecutable(candidate)
    if (error === undefined) return ok(candidate.includes('/') ? candidate : `./${candidate}`)
    if (error === 'EACCES') refused ??= candidate
  }
  return err(refused === undefined ? notFound(name, path) : notExecutable(refused))
}

/** An error code, or undefined. */
function whyNotExecutable(path: string): string | undefined {
  try {
    if (statSync(path).isDirectory()) return 'EACCES'
    accessSync(path, constants.X_OK)
    return undefined
  } catch (error) {
    return errnoOf(error)
  }
}

function notFound(name: string, path: string): NotStarted {
  const [where, hint] = name.includes('/')
    ? ['there is no such file', 'Correct the path of the command.']
    : [`it is in no folder of PATH (${path})`, 'Install it, name it in full, or correct PATH.']
  const message = `the command cannot be started: ${JSON.stringify(name)} was not found: ${where}`
  return { fault: { kind: 'command', message, hint }, exit: 127 }
}

const notExecutable = (path: string): NotStarted => ({
  fault: {
    kind: 'command',
    message: `the command cannot be started: ${JSON.stringify(path)} is not executable`,
    hint: 'Name a program, and see its mode (chmod +x) and the rights to its folder.',
  },
  exit: 126,
})
