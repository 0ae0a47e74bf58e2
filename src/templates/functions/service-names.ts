// How templates name a service and what they ask of it: `web`, `web@dc2`, `dc2:web`, and options of one
// look-up. Also for `check`, which sees names without rendering.
import type { LookUp } from '../../core/catalog.ts'
import { FaultError, raise } from '../../core/fault.ts'
import { nearest } from '../../core/nearest.ts'
import { foreignList } from '../foreign/services.ts'
import { isMap, type Mapping, type Param } from './params.ts'

/** A name as it is written. */
export interface ServiceName {
  readonly name: string
  /** Before a colon: a named store that the resource reads, else a datacenter. */
  readonly of?: string
  /** Behind an `@`, as consul-template has it. */
  readonly dc?: string
}

/** @param isWhole whether a name is that of a service as it stands, whatever signs are in it */
export function serviceName(text: string, isWhole: (name: string) => boolean): ServiceName {
  if (isWhole(text)) return { name: text }
  const [, of, rest = text] = /^([A-Za-z0-9_.-]+):(.+)$/s.exec(text) ?? []
  const [, name = rest, dc] = /^(.+)@([A-Za-z0-9_.-]+)$/s.exec(rest) ?? []
  return { name, ...(of === undefined ? {} : { of }), ...(dc === undefined ? {} : { dc }) }
}

const HEALTHS: Readonly<Record<string, string>> = {
  passing: 'passing',
  'passing,warning': 'passing,warning',
  'warning,passing': 'passing,warning',
  any: 'any',
}

/** What is asked of one look-up; `tags` are chosen here, of what Consul gives anyway. */
interface Options {
  readonly lookUp: LookUp
  readonly tags: readonly string[]
  /** The named store to ask. */
  readonly store: string | undefined
}

type OptionName = 'store' | 'dc' | 'near' | 'health' | 'tag' | 'filter' | 'namespace' | 'proxies'

/** A map of options, or undefined. */
export const optionsParam: Param<Mapping | undefined> = {
  name: 'options',
  type: 'a map of options',
  hint: 'write {dc: "dc2"} in nunjucks, (map "dc" "dc2") in Go',
  optional: true,
  accept: (value) => (isMap(value) ? value : undefined),
}

/** The options of a list, for which consul-template takes a text. */
export const listOptions = (call: string): Param<Mapping | undefined> => ({
  ...optionsParam,
  accept(value) {
    const foreign = typeof value === 'string' ? foreignList(call, value) : undefined
    if (foreign !== undefined) throw new FaultError(foreign)
    return optionsParam.accept(value)
  },
})

/** @param known the options that the function has */
export function optionsOf(
  called: string,
  given: Mapping | undefined,
  known: readonly OptionName[],
): Options {
  const lookUp: Record<string, string | true> = {}
  let tags: readonly string[] = []
  for (const [name, value] of Object.entries(given ?? {})) {
    // nunjucks marks arguments that are given by name.
    if (name === '__keywords') continue
    if (!known.includes(name as OptionName)) {
      const near = nearest(name, known)
      const hint = near === undefined ? `there are ${known.join(', ')}` : `did you mean ${near}?`
      raise('template', `${called}: there is no option ${name}`, { hint })
    }
    if (name === 'proxies' && typeof value === 'boolean') {
      if (value) lookUp[name] = true
    } else if (name === 'tag' && Array.isArray(value)) tags = value.map(String)
    else if (typeof value !== 'string' && !(value instanceof String)) {
      raise('template', `${called}: the option ${name} must be a string`, {
        hint: name === 'tag' ? 'a tag, or a list of tags' : `write ${name} as a text in quotes`,
      })
    } else if (name === 'tag') tags = [String(value)]
    // An empty one is none: it may come from a key.
    else if (String(value) !== '') lookUp[name] = String(value)
  }
  if (typeof lookUp['health'] === 'string') lookUp['health'] = healthOf(called, lookUp['health'])
  const { store, ...more } = lookUp
  return { lookUp: more, tags, store: store as string | undefined }
}

function healthOf(called: string, text: string): string {
  const health = HEALTHS[text.replaceAll(/\s/g, '')]
  return (
    health ??
    raise('template', `${called}: there is no health "${text}" to ask for`, {
      hint: 'write "passing", "passing,warning" or "any"; .status says which it is',
    })
  )
}
