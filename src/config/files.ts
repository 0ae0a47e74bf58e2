// Finds the files of conf.d: resources, and files that look like misnamed resources.
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'

export interface FoundFiles {
  /** Absolute paths, sorted. */
  readonly resources: readonly string[]
  /** Files whose names end in `toml`, but not in `.toml`. confd reads them as resources. */
  readonly misnamed: readonly string[]
  /** All other files. */
  readonly others: readonly string[]
}

/** Whether the file is a copy that Kubernetes (`..data`) or an editor (`.#name`) keeps. */
const isCopy = (name: string): boolean => /^\.[.#]/.test(name)
const isOfVersionControl = (name: string): boolean => /^\.(git|hg|svn)$/.test(name)

/** Lists the files of a folder and its subfolders. */
export async function findFiles(folder: string): Promise<Result<FoundFiles, Fault>> {
  const found = { resources: [] as string[], misnamed: [] as string[], others: [] as string[] }
  const seen = new Set<string>()
  const walk = async (at: string): Promise<void> => {
    const real = await realpath(at)
    if (seen.has(real)) return
    seen.add(real)
    const entries = await readdir(at, { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const { name } = entry
      if (isCopy(name) || isOfVersionControl(name)) continue
      const path = join(at, name)
      const isPlain = entry.isFile() || entry.isDirectory()
      // A broken link with the name of a resource is reported when reading it fails.
      const target = isPlain ? entry : await stat(path).catch(() => undefined)
      if (target?.isDirectory() === true) await walk(path)
      // Reading a pipe or a device would block.
      else if (target?.isFile() === false) found.others.push(path)
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
    if (fault.code === 'ENOENT') return err(await missingFolder(folder))
    if (fault.code === 'ENOTDIR') return err(await fileInstead(folder))
    return err(unreadableFault(folder, fault))
  }
}

/**
 * Returns the fault if conf.d, or a folder above it, is a file. A common mistake is to set -confdir to a file inside the
 * intended folder.
 */
async function fileInstead(folder: string): Promise<Fault> {
  let file = folder
  const isMissing = (): Promise<boolean> =>
    stat(file).then(
      () => false,
      () => true,
    )
  while (await isMissing()) file = dirname(file)
  const message = 'is a file, not a folder'
  if (file === folder) {
    const hint = 'create a folder instead and put resources there, or set another one with -confdir'
    return { kind: 'config', message, hint, file }
  }
  const above = dirname(file)
  const meant = basename(above) === 'conf.d' ? dirname(above) : above
  const hint = `did you mean -confdir ${meant}? It must be the folder that contains conf.d`
  return { kind: 'config', message, hint, file }
}

/** Returns the fault for a missing folder. A common mistake is to set -confdir to conf.d itself. */
async function missingFolder(folder: string): Promise<Fault> {
  const confdir = dirname(folder)
  const names = await readdir(confdir).catch((): string[] => [])
  const isResources =
    basename(confdir) === 'conf.d' ||
    (!names.includes('templates') && names.some((name) => name.endsWith('.toml')))
  const hint = isResources
    ? `did you mean -confdir ${dirname(confdir)}? It is the folder above conf.d`
    : 'create it and put resources there, or set another folder with -confdir'
  return { kind: 'config', message: 'the folder of resources is missing', hint, file: folder }
}

export const unreadableFault = (file: string, error: NodeJS.ErrnoException): Fault => ({
  kind: 'config',
  message: `cannot be read: ${error.code ?? error.message}`,
  hint: 'check that it exists and is readable by the user that runs reconfd',
  file: error.path ?? file,
})

/** Maximum number of files that a hint names. */
const MAX_NAMES = 5

/** Returns the fault for a conf.d without resources, with a hint if the files suggest a mistake. */
export async function withoutResources(
  folder: string,
  { misnamed, others }: FoundFiles,
): Promise<Fault> {
  const message = `no resources: ${folder} contains no .toml file`
  const names = [...misnamed, ...others].map((path) => path.slice(folder.length + 1))
  if (names.length === 0) {
    const beside = await readdir(dirname(folder)).catch((): string[] => [])
    const lost = beside.find((name) => name.endsWith('.toml') && name !== 'confd.toml')
    if (lost === undefined) return { kind: 'config', message }
    return { kind: 'config', message, hint: `move ${join(dirname(folder), lost)} into conf.d` }
  }
  const rest = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : ''
  const hint = `give each resource a name that ends in .toml; found ${names.slice(0, MAX_NAMES).join(', ')}${rest}`
  return { kind: 'config', message, hint }
}

/** Warnings for files that confd would read as resources. */
export const notRead = ({ misnamed }: FoundFiles): readonly Fault[] =>
  misnamed.map((file) => ({
    kind: 'config',
    message: 'not read: the name does not end in .toml',
    hint: 'rename it if it is a resource',
    file,
  }))
