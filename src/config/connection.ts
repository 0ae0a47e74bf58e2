// How a store is reached, out of the settings that were given for it: nodes or DNS, certificates, and
// credentials, of which some have two ways to be said.
import { resolve } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { BackendName, Connection } from '../core/settings.ts'
import { defined } from './defined.ts'
import { options, optionOf, type OptionName, type Values } from './options.ts'

/** Whether one was given, and not as the empty text, which confd takes for nothing. */
export const isGiven = (given: Values, name: OptionName): boolean => {
  const value = given[name] ?? ''
  return Array.isArray(value) ? value.length > 0 : value !== '' && value !== false
}

/** Two ways to say one thing. */
const alternatives = [
  ['password', 'password-file'],
  ['auth-token', 'auth-token-file'],
  ['srv-domain', 'srv-record'],
] as const

/**
 * The settings of all sources in one, the weakest source first. Where one thing was said in two ways
 * the stronger source counts: a -password-file goes before CONFD_PASSWORD.
 */
export function merge(...sources: readonly Values[]): Values {
  return sources.reduce((weaker, stronger) => {
    const overruled = alternatives.flatMap((pair) =>
      pair.some((name) => isGiven(stronger, name)) ? pair : [],
    )
    const left = Object.entries(weaker).filter(([name]) => !overruled.includes(name as never))
    return { ...Object.fromEntries(left), ...stronger }
  }, {})
}

/** One thing that was said in two ways, by one source. `srv-record` goes before `srv-domain`, as in confd. */
export function saidTwice(
  given: Values,
): { readonly about: readonly (keyof Values)[]; readonly fault: Fault } | undefined {
  const about = alternatives.find(
    ([one, other]) => one !== 'srv-domain' && isGiven(given, one) && isGiven(given, other),
  )
  if (about === undefined) return undefined
  const message = `${about.join(' and ')} are both set`
  return { about, fault: { kind: 'config', message, hint: 'leave one of them out' } }
}

/** The store that is meant when none is named. */
export const backendOf = ({ backend, file = [] }: Values): BackendName =>
  backend ?? (file.length > 0 ? 'file' : 'etcdv3')

export function connectionOf(given: Values, backend: BackendName): Connection {
  const text = (name: OptionName): string | undefined =>
    isGiven(given, name) ? (given[name] as string) : undefined
  const path = (name: OptionName): string | undefined => {
    const file = text(name)
    return file === undefined ? undefined : resolve(file)
  }
  const srv = recordsOf(given, backend)
  return defined({
    nodes: srv === undefined ? (given.node ?? []) : [],
    srv,
    scheme: given.scheme ?? options.scheme.default,
    username: text('username'),
    password: text('password'),
    passwordFile: path('password-file'),
    authToken: text('auth-token'),
    authTokenFile: path('auth-token-file'),
    clientCert: path('client-cert'),
    clientKey: path('client-key'),
    clientCaKeys: path('client-ca-keys'),
    clientServerName: text('client-server-name'),
    clientInsecure: given['client-insecure'] === true ? (true as const) : undefined,
  })
}

/** confd asks for `_BACKEND._tcp.DOMAIN`; there etcd v3 is `etcdv3` in some versions and `etcd` in others. */
function recordsOf(given: Values, backend: BackendName): readonly string[] | undefined {
  if (backend === 'file' || backend === 'env') return undefined
  const name = given['srv-record'] ?? ''
  if (name !== '') return [name]
  const domain = given['srv-domain'] ?? ''
  if (domain === '') return undefined
  const services = backend.startsWith('etcd') ? ['etcd', backend] : [backend]
  return services.map((service) => `_${service}._tcp.${domain}`)
}

/** What is worth knowing about the settings of a connection: lines for the log. */
export function connectionNotices(given: Values, typed: Values): readonly string[] {
  const lines: string[] = []
  for (const name of Object.keys(typed) as OptionName[]) {
    if (optionOf(name).secret !== true) continue
    lines.push(
      `-${name} on the command line can be read by other users (ps, the shell's history): better -${name}-file or the environment`,
    )
  }
  const found = (['srv-record', 'srv-domain'] as const).find((name) => isGiven(given, name))
  if (found !== undefined && (given.node ?? []).length > 0) {
    lines.push(`-node is not used: -${found} finds the nodes`)
  }
  if (given['basic-auth'] === true && !isGiven(given, 'username')) {
    lines.push('-basic-auth without -username has no effect')
  }
  return lines
}
