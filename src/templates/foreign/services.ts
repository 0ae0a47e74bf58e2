// consul-template's ways to name a service, which would be names of services that nobody has here: an empty
// list, and a load balancer without servers.
import type { Fault } from '../../core/fault.ts'

const SUFFIXES = [
  { sign: '|', of: 'a state of health', option: 'health', example: 'any' },
  { sign: '~', of: 'a node to be near to', option: 'near', example: '_agent' },
] as const

const HEALTH =
  /^(?:any|(?:passing|warning|critical|maintenance)(?:,\s*(?:passing|warning|critical))*)$/

const fault = (message: string, hint: string): Fault => ({ kind: 'template', message, hint })

const withOption = (name: string, option: string, value: string): string =>
  `write service("${name}", {${option}: "${value}"}) in nunjucks, service "${name}" (map "${option}" "${value}") in Go`

/** The fault of a name or a tag that is not meant as one; undefined when both are. */
export function foreignService(name: string, tag: string | undefined): Fault | undefined {
  const suffix = SUFFIXES.find(({ sign }) => name.includes(sign))
  if (suffix !== undefined) {
    const [bare = ''] = name.split(/[|~]/)
    return fault(
      `service("${name}"): ${suffix.sign} and ${suffix.of} behind a name is consul-template's`,
      withOption(bare, suffix.option, suffix.example),
    )
  }
  if (tag === undefined || !HEALTH.test(tag)) return undefined
  return fault(
    `service("${name}", "${tag}"): the second argument is a tag here; consul-template has a state of health there`,
    `without it only instances that pass their checks are shown; else ${withOption(name, 'health', tag)}`,
  )
}

/** `blue.web`: a name here, and in consul-template the tag `blue` of `web`. Undefined without a dot. */
export function taggedName(
  name: string,
): { readonly tag: string; readonly bare: string } | undefined {
  const dot = name.indexOf('.')
  if (dot <= 0 || dot === name.length - 1) return undefined
  return { tag: name.slice(0, dot), bare: name.slice(dot + 1) }
}

/** What is a name here, and most likely not meant as one. */
export function doubtfulService(name: string): Fault | undefined {
  const tagged = taggedName(name)
  if (tagged === undefined) return undefined
  const { tag, bare } = tagged
  return fault(
    `service looks for a service called "${name}"; in consul-template that is the tag ${tag} of ${bare}`,
    `for the tag write "${bare}" and "${tag}": service("${bare}", "${tag}") in nunjucks, service "${bare}" "${tag}" in Go`,
  )
}
