// What the destinations of a trial must contain in each state of the store. A state is a number. Several keys contain
// this number, all written in one transaction, and it appears at the top, in the middle and at the end of each file. So
// each planned version of a file differs from a half-written file, from a mixture of two states, and from a file with
// an empty list of servers.
import { createHash } from 'node:crypto'

/** `none`: the store is empty. */
export type State = number | 'none'

export const destinations = ['app.conf', 'web.conf'] as const
export type Destination = (typeof destinations)[number]

const SERVERS = 8
const LINES = 400

/** Returns the keys of a state, all of them below `prefix`, with their values. */
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

/** Templates in Go syntax, so that trials can run other programs, too. */
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

/** Returns the text that these templates must produce for a state, by destination. */
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
