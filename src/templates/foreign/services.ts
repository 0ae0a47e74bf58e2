// Detects service names in the syntax of consul-template. No service has such a name, so without this check, the list
// of instances would be empty, and a load balancer would have no servers.
import type { Fault } from '../../core/fault.ts'

const HEALTH =
  /^(?:any|(?:passing|warning|critical|maintenance)(?:,\s*(?:passing|warning|critical))*)$/

const fault = (message: string, hint: string): Fault => ({ kind: 'template', message, hint })

const quoted = (text: string): string => JSON.stringify(text)

/** Returns the instruction to write a call with options, in both languages. */
function withOptions(
  call: string,
  text: string | undefined,
  options: readonly (readonly [name: string, value: string])[],
): string {
  const before = text === undefined ? '' : `${quoted(text)}, `
  const map = options.map(([name, value]) => `${name}: ${quoted(value)}`).join(', ')
  const go = [call, ...(text === undefined ? [] : [quoted(text)])].join(' ')
  const pairs = options.map(([name, value]) => `${quoted(name)} ${quoted(value)}`).join(' ')
  return `write ${call}(${before}{${map}}) in nunjucks, ${go} (map ${pairs}) in Go`
}

interface Suffix {
  readonly sign: string
  readonly of: string
  readonly option: string
  /** Returns the value of `option` for the text of a suffix; undefined if the text has no equivalent in reconfd. */
  readonly valueOf: (text: string) => string | undefined
}

const SUFFIXES: readonly Suffix[] = [
  {
    sign: '?',
    of: 'a namespace, a partition or a peer',
    option: 'namespace',
    valueOf: (text) => /\bns=([^&~|@]+)/.exec(text)?.[1],
  },
  { sign: '|', of: 'a health status', option: 'health', valueOf: healthIn },
  { sign: '~', of: 'a nearby node', option: 'near', valueOf: (text) => text || '_agent' },
]

function healthIn(text: string): string {
  const states = text.split(/,\s*/)
  const isOurs = states.every((state) => state === 'passing' || state === 'warning')
  return isOurs && states.includes('passing') ? states.join(',') : 'any'
}

/** Returns the fault for a name or tag in the syntax of consul-template; undefined if both are plain. */
export function foreignService(name: string, tag: string | undefined): Fault | undefined {
  const called = `service(${quoted(name)}`
  const [bare = ''] = name.split(/[?|~]/)
  const found = [...name.matchAll(/([?|~])([^?|~]*)/g)].flatMap(([, sign, text = '']) =>
    SUFFIXES.filter((suffix) => suffix.sign === sign).map((suffix) => ({ ...suffix, text })),
  )
  const [first] = found
  if (first !== undefined) {
    const options = found.flatMap(({ option, valueOf, text }) => {
      const value = valueOf(text)
      return value === undefined ? [] : [[option, value] as const]
    })
    return fault(
      `${called}): ${first.sign} and ${first.of} after a name are consul-template syntax`,
      options.length < found.length
        ? "Consul's partitions and cluster peering are not supported"
        : withOptions('service', bare, options),
    )
  }
  if (tag === undefined || !HEALTH.test(tag)) return undefined
  return fault(
    `${called}, ${quoted(tag)}): the second argument is a tag here, and not a health status as in consul-template`,
    `omit the second argument to get only the passing instances, or ${withOptions('service', name, [['health', healthIn(tag)]])}`,
  )
}

/** The functions that take a string such as `@dc2` in consul-template. */
const LISTS = new Set(['services', 'nodes', 'datacenters'])

/** Returns the fault for a string passed to a function in LISTS; undefined for other calls. */
export function foreignList(call: string, text: string): Fault | undefined {
  if (!LISTS.has(call)) return undefined
  const message = `${call}(${quoted(text)}): a string such as "@dc2" is consul-template syntax`
  const dc = /@([^~|?]+)/.exec(text)?.[1]
  if (call !== 'datacenters' && dc !== undefined) {
    return fault(message, withOptions(call, undefined, [['dc', dc]]))
  }
  return fault(message, `write ${call}() in nunjucks, ${call} in Go`)
}

/** Returns the fault for a key with consul-template's suffix for a datacenter; undefined for other keys. */
export function foreignKey(call: string, key: string): Fault | undefined {
  const [, bare, dc] = /^(.+)@([A-Za-z0-9_-]+)$/.exec(key) ?? []
  if (bare === undefined || dc === undefined) return undefined
  const path = bare.startsWith('/') ? bare : `/${bare}`
  return fault(
    `${call}("${key}"): @ and a datacenter after a key are consul-template syntax`,
    `write "${dc}:${path}", and add it to keys = [...]; if the @ is part of the key, add "${key}"`,
  )
}

/** Returns the fault for metadata names with a suffix from consul-template; undefined for other names. */
export const foreignMeta = (names: string): Fault | undefined =>
  names.includes('|')
    ? fault(
        `byMeta: "${names}" has a suffix from consul-template`,
        'write only the metadata keys, such as "version" or "team,version"',
      )
    : undefined

/** Splits a name such as `blue.web`, which means the tag `blue` of `web` in consul-template. Undefined without a dot. */
export function taggedName(
  name: string,
): { readonly tag: string; readonly bare: string } | undefined {
  const dot = name.indexOf('.')
  if (dot <= 0 || dot === name.length - 1) return undefined
  return { tag: name.slice(0, dot), bare: name.slice(dot + 1) }
}

/**
 * Returns the fault for a name that is probably meant as a tag and a service, as in consul-template.
 * @param written the name with its datacenter or store, as in `blue.web@dc2`
 */
export function doubtfulService(name: string, written = name): Fault | undefined {
  const tagged = taggedName(name)
  if (tagged === undefined) return undefined
  const { tag } = tagged
  const bare = written.replace(`${tag}.`, '')
  return fault(
    `service looks for a service called ${quoted(name)}; in consul-template, the name means the tag ${tag} of ${bare}`,
    `to select by tag, write service(${quoted(bare)}, ${quoted(tag)}) in nunjucks, service ${quoted(bare)} ${quoted(tag)} in Go`,
  )
}
