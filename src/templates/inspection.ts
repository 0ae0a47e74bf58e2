// What is wrong with a template file and those it includes, as far as that can be seen without keys.
import { codeFrame, FaultError, type Fault } from '../core/fault.ts'
import type { Sources } from './sources.ts'

/** A place in a file; 1-based. */
interface Place {
  readonly line: number
  readonly column: number
}

/** Another file that is named by a literal. */
export interface Include extends Place {
  readonly name: string
  /** The file that the name is to be seen from. */
  readonly from: string
  /** It may be missing. */
  readonly optional: boolean
}

/** One file, read. */
export interface Inspected {
  readonly includes: readonly Include[]
  /** Names that are used and that nothing in the file, and nothing built in, gives a value. */
  readonly free: readonly (Place & { readonly name: string })[]
  /** Names that the file gives a value somewhere. */
  readonly declared: readonly string[]
}

/**
 * Goes through a file and all that it includes, and collects every fault.
 * @param inspect reads one file; undefined when it is missing; throws what is wrong with it
 */
export function checkFiles(
  sources: Sources<unknown>,
  src: string,
  inspect: (path: string) => Inspected | undefined,
): readonly Fault[] {
  const faults: Fault[] = []
  const files = new Map<string, Inspected>()
  const broken = new Set<string>()
  const visit = (path: string): 'missing' | undefined => {
    if (files.has(path) || broken.has(path)) return undefined
    let file: Inspected | undefined
    const wrong = faultsOf(() => (file = inspect(path)))
    if (wrong.length > 0) broken.add(path)
    faults.push(...wrong)
    if (file === undefined) return wrong.length === 0 ? 'missing' : undefined
    files.set(path, file)
    for (const include of file.includes) {
      const located = (fault: Fault): Fault => locate(sources, path, include, fault)
      let target = ''
      const outside = faultsOf(() => (target = sources.resolve(include.name, include.from)))
      faults.push(...outside.map(located))
      if (outside.length > 0 || visit(target) !== 'missing' || include.optional) continue
      const message = `template "${include.name}" does not exist`
      faults.push(located({ kind: 'template', message, hint: `there is no file ${target}` }))
    }
    return undefined
  }
  visit(src)
  // A file that is included sees the variables of the one that includes it.
  const declared = new Set([...files.values()].flatMap((file) => file.declared))
  for (const [path, { free }] of broken.size > 0 ? [] : files) {
    for (const use of free.filter(({ name }) => !declared.has(name))) {
      const message = `${use.name} is not defined`
      const hint = 'correct the name; docs/templates.md lists all functions'
      faults.push(locate(sources, path, use, { kind: 'template', message, hint }))
    }
  }
  return faults
}

/** What something throws as a fault. */
export function faultsOf(run: () => unknown): readonly Fault[] {
  try {
    run()
    return []
  } catch (error) {
    if (error instanceof FaultError) return [error.fault]
    throw error
  }
}

function locate(sources: Sources<unknown>, file: string, { line, column }: Place, fault: Fault) {
  const frame = codeFrame(sources.text(file) ?? '', line, column)
  return { ...fault, file, line, column, frame }
}
