// What a trial's templates make of a state of the store. A state is a number that stands in several
// keys, all written in one transaction, and at the top, in the middle and at the end of each file:
// half a file, a mixture of two states and a file without its list are all none of the contents that
// were ever planned.
import { createHash } from 'node:crypto'

/** `none`: a store that holds nothing. */
export type State = number | 'none'

export const destinations = ['app.conf', 'web.conf'] as const
export type Destination = (typeof destinations)[number]

const SERVERS = 8
const LINES = 400

/** The keys of a state below a prefix. */
export function keysOf(prefix: string, n: number): ReadonlyMap<string, string> {
  const servers = Array.from({ length: SERVERS }, (_, server) => [
    `${prefix}/servers/s${server}`,
    `10.0.0.${server}:${n}`,
  ])
  return new Map([
    [`${prefix}/first`, String(n)],
    ...(servers as [string, string][]),
    [`${prefix}/last`, String(n)],
  ])
}

/** The templates, in Go's language: other programs are tried with them as well. */
export const templatesFor = (prefix: string): Readonly<Record<Destination, string>> => ({
  'app.conf':
    `begin {{getv "${prefix}/first" "none"}}\n` +
    `{{range getvs "${prefix}/servers/*"}}server {{.}}\n{{end}}` +
    `end {{getv "${prefix}/last" "none"}}\n`,
  'web.conf':
    `{{$n := getv "${prefix}/first" "none"}}begin {{getv "${prefix}/last" "none"}}\n` +
    `{{range seq 1 ${LINES}}}line {{.}} of state {{$n}}\n{{end}}` +
    `end {{$n}}\n`,
})

/** What those make of a state. */
export function contentsOf(state: State): Readonly<Record<Destination, string>> {
  const servers = state === 'none' ? 0 : SERVERS
  const line = (n: number): string => `line ${n + 1} of state ${state}\n`
  return {
    'app.conf':
      `begin ${state}\n` +
      Array.from({ length: servers }, (_, n) => `server 10.0.0.${n}:${state}\n`).join('') +
      `end ${state}\n`,
    'web.conf': `begin ${state}\n${Array.from({ length: LINES }, (_, n) => line(n)).join('')}end ${state}\n`,
  }
}

export const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')
