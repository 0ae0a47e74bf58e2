// Finds the test cases of `reconfd test`. A case is a folder:
//
//   keys.yaml|json|toml  the keys; if missing, `args` selects the store
//   expected/            exactly the files that the run must produce
//   expected-error.txt   strings that must appear in the output, one per line; a string after `!` must not appear
//   before/              the files in place before the run
//   args                 further arguments, one per line
//   env                  environment variables as NAME=value, one per line
//   exit                 the expected exit code (default 0)
//   conf.d/ templates/   the case's own configuration; if missing, that of the nearest folder above
import { readdir, readFile, stat } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

export interface Case {
  /** Path relative to the searched folder. */
  readonly name: string
  readonly folder: string
  /** The configuration folder; absent if the case has its own configuration. */
  readonly confdir?: string
  /** The settings file, if there is one. */
  readonly confFile?: string
}

export interface Search {
  /** The value of -confdir. It has priority over a conf.d above the case, but not over the case's own conf.d. */
  readonly confdir?: string | undefined
  readonly confFile?: string | undefined
  /** Whether folders with keys but without expectations count as cases, as with `-update`. */
  readonly update: boolean
}

const EXPECTATIONS = ['expected', 'expected-error.txt', 'exit']
const KEYS = /^keys\.(?:ya?ml|json|toml)$/
/** Folders that are not searched for cases: the parts of a case, and node_modules. */
const PARTS = new Set(['conf.d', 'templates', 'expected', 'before', 'node_modules'])

/** Finds all cases in a folder, sorted by name. The folder may itself be a case. */
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

/** The nearest ancestor folder with a conf.d. */
function above(folder: string): string | undefined {
  for (let at = folder; at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(dirname(at), 'conf.d'))) return dirname(at)
  }
  return undefined
}

/** Returns the name of the keys file; undefined if there is none. */
export const keysIn = async (folder: string): Promise<string | undefined> =>
  (await readdir(folder)).sort().find((name) => KEYS.test(name))

/** The non-empty lines of a file; none if it is missing. */
export async function linesOfFile(folder: string, name: string): Promise<readonly string[]> {
  if (!existsSync(join(folder, name))) return []
  const text = await readFile(join(folder, name), 'utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** Returns the content of each file below a folder, decoded as Latin-1, by relative path. Omits `.gitkeep`. */
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
