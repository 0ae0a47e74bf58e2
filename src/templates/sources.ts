// Template files: which file a name means, its text, and its compiled form, made once a file version.
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { decodeValue } from '../core/bytes.ts'
import { raise } from '../core/fault.ts'

/** How faults call the file that a `dest` is not in. */
export const DEST = 'dest'

/** Templates that are no files, by the path that they would have. */
export type Texts = ReadonlyMap<string, string>

/** What a file was compiled to, by variant. */
interface Version<Compiled> {
  /** Which file on disk it is; undefined for a text. */
  readonly id: string | undefined
  readonly variants: Map<string, () => Compiled>
}

export class Sources<Compiled> {
  /** What compiling gave: the compiled form, or what it threw. Missing files are not remembered. */
  readonly #compiled = new Map<string, Version<Compiled>>()
  readonly #texts = new Map<string, () => Compiled>()

  /** @param texts what stands in for files, by path */
  constructor(
    readonly folder: string,
    private readonly compile: (path: string, text: string, variant: string) => Compiled,
    private readonly texts: Texts = new Map(),
  ) {}

  /**
   * The path a name in an include, import or extends means: below the templates folder, or beside
   * the file that asks when the name begins with `./` or `../`. Throws a fault when it leaves the folder.
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
        hint: `only files below ${this.folder} can be included`,
      })
    }
    return path
  }

  /** How messages call a file: its path from the templates folder. */
  nameOf(path: string): string {
    const inside = relative(this.folder, path)
    return inside.startsWith('..') ? path : inside
  }

  /**
   * The compiled form of a file; undefined when there is no such file. Throws what compiling threw, and
   * a fault when the file cannot be read.
   * @param variant options that compile to something else
   */
  open(path: string, variant: string): Compiled | undefined {
    // A link on the way may point elsewhere since. A file that is written in place is not looked at before
    // forget() says that it is finished; and one that is missing may be about to be replaced.
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

  /** The text of a file; undefined when there is no such file. Throws a fault when it cannot be read. */
  text(path: string): string | undefined {
    return this.texts.get(path) ?? read(path)
  }

  /** The compiled form of a `dest`, which is a template but no file. Throws what compiling threw. */
  dest(text: string): Compiled {
    const known = this.#texts.get(text) ?? attempt(() => this.compile(DEST, text, ''))
    this.#texts.set(text, known)
    return known()
  }

  /** The file has changed: it is read again at its next use. */
  forget(path: string): void {
    this.#compiled.delete(path)
  }
}

/** Undefined when nothing is there. */
function idOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}

/** Runs something now; the outcome, value or exception, can be had again and again. */
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

/** The text of a file; undefined when there is no such file. Throws a fault when it cannot be read. */
export function read(path: string): string | undefined {
  try {
    return decodeValue(readFileSync(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    return raise('template', `cannot read the template: ${code}`, { file: path })
  }
}
