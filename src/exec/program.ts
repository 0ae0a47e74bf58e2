// Finds the program of a command as execvp(3) does, so that reconfd itself can report a missing program, with the exit
// codes of a shell.
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'

/** Why a child could not be started. */
export interface NotStarted {
  readonly fault: Fault
  /** The exit code that a shell would use: 127 if the program is not found, 126 if it cannot be executed. */
  readonly exit: 126 | 127
}

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * @param name a path if it contains `/`; otherwise a name to look up in `path`
 * @param path the folders to search, in the format of PATH
 */
export function findProgram(name: string, path = DEFAULT_PATH): Result<string, NotStarted> {
  const paths = name.includes('/')
    ? [name]
    : path.split(':').map((folder) => join(folder === '' ? '.' : folder, name))
  let refused: string | undefined
  for (const candidate of paths) {
    const error = whyNotExecutable(candidate)
    if (error === undefined) {
      const interpreter = missingInterpreter(candidate)
      if (interpreter !== undefined) return err(withoutInterpreter(candidate, interpreter))
      return ok(candidate.includes('/') ? candidate : `./${candidate}`)
    }
    if (error === 'EACCES') refused ??= candidate
  }
  return err(refused === undefined ? notFound(name, path) : notExecutable(refused))
}

/** Returns an error code such as ENOENT; undefined if the file is executable. */
function whyNotExecutable(path: string): string | undefined {
  try {
    if (statSync(path).isDirectory()) return 'EACCES'
    accessSync(path, constants.X_OK)
    return undefined
  } catch (error) {
    return errnoOf(error)
  }
}

/** Returns the interpreter in the first line of a script if the interpreter does not exist. */
function missingInterpreter(path: string): string | undefined {
  const [, interpreter] = /^#![ \t]*([^ \t\n]+)/.exec(beginningOf(path)) ?? []
  return interpreter !== undefined && whyNotExecutable(interpreter) === 'ENOENT'
    ? interpreter
    : undefined
}

/** Returns as many bytes of a file as the kernel reads to find the interpreter; '' if the file is unreadable. */
function beginningOf(path: string): string {
  let file: number | undefined
  try {
    file = openSync(path, 'r')
    const bytes = Buffer.alloc(256)
    return bytes.toString('latin1', 0, readSync(file, bytes))
  } catch {
    return ''
  } finally {
    if (file !== undefined) closeSync(file)
  }
}

function notFound(name: string, path: string): NotStarted {
  const [where, hint] = name.includes('/')
    ? ['no such file', 'correct the path of the command']
    : [
        `it is not in any folder of PATH (${path})`,
        'install the program, write its full path, or correct PATH',
      ]
  const message = `cannot start the command: ${JSON.stringify(name)} was not found: ${where}`
  return { fault: { kind: 'command', message, hint }, exit: 127 }
}

const notExecutable = (path: string): NotStarted => ({
  fault: {
    kind: 'command',
    message: `cannot start the command: ${JSON.stringify(path)} is not executable`,
    hint: 'check that the file is a program, that its mode permits execution (chmod +x), and that its folder is accessible',
  },
  exit: 126,
})

const withoutInterpreter = (path: string, interpreter: string): NotStarted => ({
  fault: {
    kind: 'command',
    message: `cannot start the command: the interpreter ${JSON.stringify(interpreter)} of ${JSON.stringify(path)} was not found`,
    hint: interpreter.endsWith('\r')
      ? `the lines of the script end with CRLF; convert them: sed -i 's/\\r$//' ${path}`
      : 'install the interpreter, or correct the first line of the script',
  },
  exit: 127,
})
