// The files of conf.d: which of them are resources, and which look as if they were meant to be.
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'

export interface FoundFiles {
  /** Absolute paths, sorted. */
  readonly resources: readonly string[]
  /** Names that end in `toml` without a dot before it: confd reads them. */
  readonly misnamed: readonly string[]
  /** All other files. */
  readonly others: readonly string[]
}

/** Kubernetes (`..data`) and editors (`.#name`) keep second copies under such names. */
const isCopy = (name: string): boolean => /^\.[.#]/.test(name)
const isOfVersionControl = (name: string): boolean => /^\.(git|hg|svn)$/.test(name)

/** The files of a folder and of its folders. */
export async function findFiles(folder: string): Promise<Result<FoundFiles, Fault>> {
  const found = { resources: [] as string[], misnamed: [] as string[], others: [] as string[] }
  const seen = new Set<string>()
  const walk = async (at: string): Promise<void> => {
    const real = await realpath(at)
    if (seen.has(real)) return
    seen.add(real)
    for (const name of (await readdir(at)).sort()) {
      if (isCopy(name) || isOfVersionControl(name)) continue
      const path = join(at, name)
      // A link to nowhere: reported when it is read, if it would have been a resource.
      const entry = await stat(path).catch(() => undefined)
      if (entry?.isDirectory() === true) await walk(path)
      // A pipe or a device would be waited for.
      else if (entry?.isFile() === false) found.others.push(path)
      else if (name.endsWith('.toml')) found.resources.push(path)
      else if (name.endsWith('toml')) found.misnamed.push(path)
      else found.others.push(path)
    }
  }
  try {
    await walk(folder)
    return ok(found)
  } catch (error) {
    const fault = error as NodeJS.ErrnoException
    return err(fault.code === 'ENOENT' ? await missing(folder) : unreadable(folder, fault))
  }
}

/** A folder of resources that is not there. A common slip is to name conf.d itself. */
async function missing(folder: string): Promise<Fault> {
  const confdir = dirname(folder)
  const names = await readdir(confdir).catch((): string[] => [])
  const isResources =
    basename(confdir) === 'conf.d' ||
    (!names.includes('templates') && names.some((name) => name.endsWith('.toml')))
  const hint = isResources
    ? `did you mean -confdir ${dirname(confdir)}? It is the folder above conf.d`
    : 'make it and put resources there, or name another folder with -confdir'
  return { kind: 'config', message: 'the folder of resources is missing', hint, file: folder }
}

export const unreadable = (file: string, error: NodeJS.ErrnoException): Fault => ({
  kind: 'config',
  message: `cannot be read: ${error.code ?? error.message}`,
  hint: 'check that it is there and may be read by the user that runs reconfd',
  file: error.path ?? file,
})

/** How many files are named; the rest is counted. */
const NAMED = 5

/** Why there are no resources. */
export function withoutResources(folder: string, { misnamed, others }: FoundFiles): Fault {
  const message = `no resources: ${folder} holds no .toml file`
  const names = [...misnamed, ...others].map((path) => path.slice(folder.length + 1))
  if (names.length === 0) return { kind: 'config', message }
  const rest = names.length > NAMED ? ` and ${names.length - NAMED} more` : ''
  const hint = `the names of resources end in .toml; there are ${names.slice(0, NAMED).join(', ')}${rest}`
  return { kind: 'config', message, hint }
}

/** Files that confd would take for resources. */
export const notRead = ({ misnamed }: FoundFiles): readonly Fault[] =>
  misnamed.map((file) => ({
    kind: 'config',
    message: 'not read: the name does not end in .toml',
    hint: 'rename it, if it is a resource',
    file,
  }))
