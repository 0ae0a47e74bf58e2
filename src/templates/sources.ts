// Template files: resolves names, reads files, and compiles each version of a file once.
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { decodeValue } from '../core/bytes.ts'
import { raise } from '../core/fault.ts'

/** The file name in faults about a `dest`, which is not in a template file. */
export const DEST = 'dest'

/** Templates that are not files, by path. */
export type Texts = ReadonlyMap<string, string>

/** One version of a file. Each variant is a function that returns the compiled form or throws the compiler's error. */
interface Version<Compiled> {
  /** Identity of the file on disk; undefined for a template that is not a file. */
  readonly id: string | undefined
  readonly variants: Map<string, () => Compiled>
}

export class TemplateSources<Compiled> {
  /** The last version of each file, by path; no entry for a file that has not been found since forget(). */
  readonly #compiled = new Map<string, Version<Compiled>>()
  readonly #texts = new Map<string, () => Compiled>()

  /** @param texts templates used instead of files, by path */
  constructor(
    readonly folder: string,
    private readonly compile: (path: string, text: string, variant: string) => Compiled,
    private readonly texts: Texts = new Map(),
  ) {}

  /**
   * Returns the path for the name in an include, import or extends: relative to the templates folder or, if the name
   * begins with `./` or `../`, to the including file. Throws a fault if the path leaves the templates folder.
   */
  resolve(name: string, from: string): string {
    const path = /^\.{1,2}\//.test(name)
      ? resolve(dirname(from), name)
      : name.startsWith('/')
        ? resolve(name)
        : join(this.folder, name)
    const inside = relative(this.folder, path)
    if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`)) {
      raise('template', `template "${name}" lies outside of the templates folder`, {
        hint: `move the file below ${this.folder}: other files cannot be included`,
      })
    }
    return path
  }

  /** The name of a file in messages: its path relative to the templates folder. */
  nameOf(path: string): string {
    const inside = relative(this.folder, path)
    return inside.startsWith('..') ? path : inside
  }

  /**
   * Returns the compiled form of a file; undefined if the file is missing. Throws what the compiler throws, and a fault
   * if the file cannot be read.
   * @param variant options that affect the compiled form
   */
  open(path: string, variant: string): Compiled | undefined {
    // Detects replaced files, even if only a link to them has changed. A file that is written in place is compiled again
    // only after forget(), because it may be incomplete until then. If a file is missing, its last version is used,
    // because a new version may follow.
    const id = this.texts.has(path) ? undefined : idOf(path)
    const last = this.#compiled.get(path)
    const version =
      last !== undefined && (id === undefined || id === last.id)
        ? last
        : { id, variants: new Map<string, () => Compiled>() }
    const known = version.variants.get(variant)
    if (known !== undefined) return known()
    const text = this.text(path)
    if (text === undefined) return undefined
    const outcome = attempt(() => this.compile(path, text, variant))
    version.variants.set(variant, outcome)
    this.#compiled.set(path, version)
    return outcome()
  }

  /** The text of a file; undefined if it is missing. Throws a fault if it cannot be read. */
  text(path: string): string | undefined {
    return this.texts.get(path) ?? read(path)
  }

  /** Returns the compiled form of a `dest`. Throws what the compiler throws. */
  dest(text: string): Compiled {
    const known = this.#texts.get(text) ?? attempt(() => this.compile(DEST, text, ''))
    this.#texts.set(text, known)
    return known()
  }

  /** Call when the file has changed, so that it is read again at its next use. */
  forget(path: string): void {
    this.#compiled.delete(path)
  }
}

/** The identity of a file; undefined if it is missing. */
function idOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/** Runs a function once and returns a function that repeats its result or exception. */
function attempt<T>(run: () => T): () => T {
  try {
    const value = run()
    return () => value
  } catch (error) {
    return () => {
      throw error
    }
  }
}

/** The text of a file; undefined if it is missing. Throws a fault if it cannot be read. */
export function read(path: string): string | undefined {
  try {
    return decodeValue(readFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    return raise('template', `cannot read the template: ${code}`, { file: path })
  }
}
