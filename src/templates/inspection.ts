// Finds mistakes in a template file and in the files that it includes, without keys.
import { codeFrame, FaultError, type Fault } from '../core/fault.ts'
import { globBase } from '../core/glob.ts'
import { serviceDir, serviceNamed } from '../core/catalog.ts'
import { covers, fullKey, storeOf, storeRoot, toKey, type Key } from '../core/key.ts'
import type { TemplateSpec } from '../core/resource.ts'
import {
  doubtfulService,
  foreignKey,
  foreignList,
  foreignMeta,
  foreignService,
} from './foreign/services.ts'
import { serviceName } from './functions/service-names.ts'
import type { TemplateSources } from './sources.ts'

/** A position in a file; 1-based. */
interface Place {
  readonly line: number
  readonly column: number
}

/** An include with a literal file name. */
export interface Include extends Place {
  readonly name: string
  /** The file to which a name such as `./a` is relative. */
  readonly from: string
  /** Whether the file may be missing. */
  readonly optional: boolean
  /** Whether every render includes the file, whatever the keys are. */
  readonly always: boolean
}

/** A look-up of a literal key or pattern. */
export interface Lookup extends Place {
  readonly call: string
  readonly key: string
  /** The second argument, if it is also a string literal. */
  readonly second?: string | undefined
}

/** Functions whose first argument is a key or a pattern. */
const LOOKUPS = new Set(['getv', 'get', 'exists', 'gets', 'getvs', 'ls', 'lsdir', 'range'])
/** Look-ups of exactly one key, which the resource's keys must include. */
const EXACT = new Set(['getv', 'get', 'exists'])

export interface Inspection {
  readonly faults: readonly Fault[]
  /** Likely mistakes that still render. */
  readonly doubts: readonly Fault[]
}

/** A parsed file. */
export interface Inspected {
  /** Faults that did not prevent parsing the rest. */
  readonly faults: readonly Fault[]
  /** Calls with a literal first argument. */
  readonly calls: readonly Lookup[]
  readonly includes: readonly Include[]
  /** Used names that are neither defined in the file nor built in. */
  readonly free: readonly (Place & { readonly name: string; readonly hint: string })[]
  /** Names that the file defines anywhere, or tests with `is defined` or a default. */
  readonly declared: readonly string[]
}

/**
 * Collects the faults of a file and all files that it includes.
 * @param inspect parses one file. Returns undefined if the file is missing; throws a fault if it cannot be parsed
 */
export function checkFiles(
  sources: TemplateSources<unknown>,
  spec: TemplateSpec,
  inspect: (path: string) => Inspected | undefined,
): Inspection {
  const faults: Fault[] = []
  const files = new Map<string, Inspected>()
  const broken = new Set<string>()
  const way: { readonly path: string; readonly always: boolean }[] = []
  const visit = (path: string): 'missing' | undefined => {
    if (files.has(path) || broken.has(path)) return undefined
    let file: Inspected | undefined
    const wrong = faultsOf(() => (file = inspect(path)))
    if (wrong.length > 0) broken.add(path)
    faults.push(...wrong)
    if (file === undefined) return wrong.length === 0 ? 'missing' : undefined
    files.set(path, file)
    faults.push(...file.faults)
    for (const lookup of file.calls) {
      const foreign = foreignIn(spec, lookup)
      if (foreign !== undefined) faults.push(locate(sources, path, lookup, foreign))
    }
    for (const include of file.includes) {
      const located = (fault: Fault): Fault => locate(sources, path, include, fault)
      let target = ''
      const outside = faultsOf(() => (target = sources.resolve(include.name, include.from)))
      faults.push(...outside.map(located))
      if (outside.length > 0) continue
      const back = way.findIndex((one) => one.path === target)
      const circle = back < 0 ? [] : way.slice(back)
      if (include.always && circle.length > 0 && circle.slice(1).every(({ always }) => always)) {
        faults.push(located(endless([...circle.map((one) => one.path), target], sources)))
        continue
      }
      way.push({ path: target, always: include.always })
      const found = visit(target)
      way.pop()
      if (found !== 'missing' || include.optional) continue
      const message = `template "${include.name}" does not exist`
      faults.push(
        located({ kind: 'template', message, hint: `create ${target}, or correct the name` }),
      )
    }
    return undefined
  }
  way.push({ path: spec.src, always: true })
  visit(spec.src)
  // An included file sees the variables of the including file.
  const declared = new Set([...files.values()].flatMap((file) => file.declared))
  for (const [path, { free }] of broken.size > 0 ? [] : files) {
    for (const use of free.filter(({ name }) => !declared.has(name))) {
      const message = `${use.name} is not defined`
      faults.push(locate(sources, path, use, { kind: 'template', message, hint: use.hint }))
    }
  }
  if (spec.forEach !== undefined) faults.push(...faultsOf(() => sources.dest(spec.dest)))
  const doubts = [...files].flatMap(([path, { calls }]) =>
    calls
      .flatMap((lookup) => doubtsOf(spec, lookup))
      .map(({ fault, lookup }) => locate(sources, path, lookup, fault)),
  )
  return { faults, doubts }
}

/** Returns the fault for a call in the syntax of consul-template; undefined for other calls. */
function foreignIn(spec: TemplateSpec, lookup: Lookup): Fault | undefined {
  const { call, key, second } = lookup
  if (call === 'service') return foreignService(key, second)
  if (call === 'byMeta') return foreignMeta(key)
  if (call === 'ls') return canFind(spec, lookup) ? undefined : foreignKey(call, key)
  return foreignList(call, key)
}

function endless(circle: readonly string[], sources: TemplateSources<unknown>): Fault {
  const names = circle.map((path) => sources.nameOf(path))
  const message = `templates include each other in a cycle: ${names.join(' > ')}`
  return {
    kind: 'template',
    message,
    hint: 'remove one of the includes, or make it conditional',
  }
}

function doubtsOf(spec: TemplateSpec, lookup: Lookup) {
  const found = [
    canFind(spec, lookup) || foreignIn(spec, lookup) !== undefined
      ? undefined
      : outOfReach(spec, lookup),
    lookup.call === 'service' ? doubtfulService(lookup.key) : undefined,
  ]
  return found.flatMap((fault) => (fault === undefined ? [] : [{ fault, lookup }]))
}

/** Whether the resource's keys include this key or, for a pattern, a key that the pattern may match. */
function canFind({ prefix, keys }: TemplateSpec, { call, key }: Lookup): boolean {
  const roots = keys.map((root) => fullKey(prefix, root))
  const shows = (wanted: Key): boolean =>
    roots.some((root) => covers(root, wanted) || (!EXACT.has(call) && covers(wanted, root)))
  if (call === 'service') {
    // The service may be in any store that the resource reads.
    return [...new Set(keys.map(storeOf))].some((store) =>
      shows(fullKey(prefix, `${store === undefined ? '' : storeRoot(store)}${dirOf(keys, key)}`)),
    )
  }
  return !LOOKUPS.has(call) || shows(fullKey(prefix, EXACT.has(call) ? key : baseOf(key)))
}

/** The directory above the first wildcard of a pattern. */
const baseOf = (pattern: string): Key => toKey(globBase(toKey(pattern)))

/** The directory of the service that a name such as `web@dc2` denotes; the datacenter is ignored. */
function dirOf(keys: readonly Key[], written: string): Key {
  const { name } = serviceName(written, (whole) => keys.includes(serviceDir(whole)))
  return serviceDir(serviceNamed(name))
}

function outOfReach({ keys }: TemplateSpec, { call, key }: Lookup): Fault {
  const wanted = call === 'service' ? dirOf(keys, key) : key
  const named = `the resource's keys do not include ${wanted}`
  return {
    kind: 'template',
    message:
      call === 'service' ? `service fails here: ${named}` : `${call} finds nothing here: ${named}`,
    hint: `add "${baseOf(wanted)}" or a directory above it to keys = [...]`,
  }
}

/** Returns the fault that `run` throws, as a list; an empty list if nothing is thrown. */
export function faultsOf(run: () => unknown): readonly Fault[] {
  try {
    run()
    return []
  } catch (error) {
    if (error instanceof FaultError) return [error.fault]
    throw error
  }
}

function locate(
  sources: TemplateSources<unknown>,
  file: string,
  { line, column }: Place,
  fault: Fault,
) {
  const frame = codeFrame(sources.text(file) ?? '', line, column)
  return { ...fault, file, line, column, frame }
}
