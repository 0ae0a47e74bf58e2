// Finds the tests of templates: folders that say what is expected of keys.
//
//   keys.yaml|json|toml  the keys; without it, `args` says where they are
//   expected/            the files that are made, byte for byte, nothing else
//   expected-error.txt   pieces of text that must appear; a line that begins with `!` must not
//   before/              what is there before the run
//   args env exit        further arguments, NAME=value, the exit code (default 0): one a line
//   conf.d/ templates/   a configuration of its own, else that of a folder above
import { readdir, readFile, stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export interface Case {
  /** The path from the folder that was searched. */
  readonly name: string
  readonly folder: string
  /** The folder with its conf.d and templates; absent: its own. */
  readonly confdir?: string
  /** The settings file, if there is one. */
  readonly confFile?: string
}

export interface Search {
  /** Said at the command line; they win. */
  readonly confdir?: string | undefined
  readonly confFile?: string | undefined
  /** Folders with keys and without expectations are tests too. */
  readonly update: boolean
}

const EXPECTATIONS = ['expected', 'expected-error.txt', 'exit']
const KEYS = /^keys\.(?:ya?ml|json|toml)$/
/** Parts of a test, in which none is looked for. */
const PARTS = new Set(['conf.d', 'templates', 'expected', 'before', 'node_modules'])

/** All tests in a folder, itself and the folders below it included, by name. */
export async function findCases(root: string, search: Search): Promise<readonly Case[]> {
  const found: Case[] = []
  const visit = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true })
    const names = new Set(entries.map(({ name }) => name))
    const hasKeys = [...names].some((name) => KEYS.test(name))
    if (EXPECTATIONS.some((name) => names.has(name)) || (search.update && hasKeys)) {
      found.push(caseOf(root, folder, search))
    }
    for (const entry of entries) {
      if (PARTS.has(entry.name) || entry.name.startsWith('.')) continue
      const path = join(folder, entry.name)
      if (entry.isDirectory() || (entry.isSymbolicLink() && (await stat(path)).isDirectory()))
        await visit(path)
    }
  }
  await visit(root)
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

function caseOf(root: string, folder: string, { confdir, confFile }: Search): Case {
  const name = relative(root, folder) || '.'
  const isOwn = existsSync(join(folder, 'conf.d'))
  const base = isOwn ? folder : (confdir ?? above(folder))
  const settings = [join(folder, 'confd.toml'), confFile, base && join(base, 'confd.toml')].find(
    (file) => file !== undefined && existsSync(file),
  )
  return {
    name,
    folder,
    ...(isOwn || base === undefined ? {} : { confdir: base }),
    ...(settings === undefined ? {} : { confFile: settings }),
  }
}

/** The nearest folder above that has a conf.d. */
function above(folder: string): string | undefined {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(dirname(at), 'conf.d'))) return dirname(at)
  }
  return undefined
}

/** The name of the file with the keys. */
export const keysIn = async (folder: string): Promise<string | undefined> =>
  (await readdir(folder)).sort().find((name) => KEYS.test(name))

/** The lines of a file that may be missing, without the empty ones. */
export async function linesOf(folder: string, name: string): Promise<readonly string[]> {
  if (!existsSync(join(folder, name))) return []
  const text = await readFile(join(folder, name), 'utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** Every file below a folder: its path from there, and its bytes, one character each. */
export async function filesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  if (!existsSync(folder)) return new Map()
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== '.gitkeep')
  const pairs = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [relative(folder, path), await readFile(path, 'latin1')] as const
  })
  return new Map((await Promise.all(pairs)).sort(([a], [b]) => (a < b ? -1 : 1)))
}
