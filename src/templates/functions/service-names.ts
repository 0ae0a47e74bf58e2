// Parses names of services, such as `web`, `web@dc2` and `dc2:web`, and the options of a look-up. `reconfd check` also
// uses this parser, without rendering.
import type { LookUp } from '../../core/catalog.ts'
import { FaultError, raise } from '../../core/fault.ts'
import { nearest } from '../../core/nearest.ts'
import { foreignList } from '../foreign/services.ts'
import { isMap, type Mapping, type Param } from './params.ts'

/** The parts of a service name in a template. */
export interface ServiceName {
  readonly name: string
  /** The part before a colon: a named store of the resource, or else a datacenter. */
  readonly of?: string
  /** The part after `@`, as in consul-template. */
  readonly dc?: string
}

/** @param isWhole whether to take a name literally, even if it contains `@` or `:` */
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

/** The options of one look-up. */
interface Options {
  readonly lookUp: LookUp
  readonly tags: readonly string[]
  /** The named store to use. */
  readonly store: string | undefined
}

type OptionName = 'store' | 'dc' | 'near' | 'health' | 'tag' | 'filter' | 'namespace' | 'proxies'

/** The parameter for an optional map of options. */
export const optionsParam: Param<Mapping | undefined> = {
  name: 'options',
  type: 'a map of options',
  hint: 'write {dc: "dc2"} in nunjucks, (map "dc" "dc2") in Go',
  optional: true,
  accept: (value) => (isMap(value) ? value : undefined),
}

/** Like optionsParam, for functions that take a string such as `@dc2` in consul-template. */
export const listOptions = (
  call: string,
  hint = optionsParam.hint as string,
): Param<Mapping | undefined> => ({
  ...optionsParam,
  hint,
  accept(value) {
    const foreign = typeof value === 'string' ? foreignList(call, value) : undefined
    if (foreign !== undefined) throw new FaultError(foreign)
    return optionsParam.accept(value)
  },
})

/** @param known the options of the function */
export function optionsOf(
  called: string,
  given: Mapping | undefined,
  known: readonly OptionName[],
): Options {
  const lookUp: Record<string, string | true> = {}
  let tags: readonly string[] = []
  for (const [name, value] of Object.entries(given ?? {})) {
    // nunjucks adds this name for keyword arguments.
    if (name === '__keywords') continue
    if (!known.includes(name as OptionName)) {
      const near = nearest(name, known)
      const hint =
        near === undefined ? `the options are ${known.join(', ')}` : `did you mean ${near}?`
      raise('template', `${called}: unknown option ${name}`, { hint })
    }
    if (name === 'proxies' && typeof value === 'boolean') {
      if (value) lookUp[name] = true
    } else if (name === 'tag' && Array.isArray(value)) tags = value.map(String)
    else if (typeof value !== 'string' && !(value instanceof String)) {
      raise('template', `${called}: the option ${name} must be a string`, {
        hint:
          name === 'tag' ? 'write a tag, or a list of tags' : `write ${name} as a string in quotes`,
      })
    } else if (name === 'tag') tags = [String(value)]
    // An empty value, which may come from a key, means that the option is not set.
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
    raise('template', `${called}: unknown health "${text}"`, {
      hint: 'write "passing", "passing,warning" or "any"; .status contains the state',
    })
  )
}
