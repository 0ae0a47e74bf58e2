// Derives the connection of a store from its settings: nodes or DNS names, certificates, and credentials. Some settings
// have an alternative, such as a password and a file that contains it.
import { resolve } from 'node:path'
import type { Fault } from '../core/fault.ts'
import type { BackendName, ConnectionSettings } from '../core/settings.ts'
import { defined } from './defined.ts'
import { options, optionOf, type OptionName, type Values } from './options.ts'

/** Whether a setting is set and not empty; confd ignores empty values. */
export const isGiven = (given: Values, name: OptionName): boolean => {
  const value = given[name] ?? ''
  return Array.isArray(value) ? value.length > 0 : value !== '' && value !== false
}

/** Pairs of alternative settings. A store uses only one setting of each pair. */
const alternatives = [
  ['password', 'password-file'],
  ['auth-token', 'auth-token-file'],
  ['srv-domain', 'srv-record'],
] as const

/**
 * Merges the settings of all sources, weakest first. A setting also overrides its alternative in a weaker source:
 * -password-file overrides CONFD_PASSWORD.
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

/**
 * Returns the fault if both settings of a pair are set. The pair `srv-domain` and `srv-record` is allowed: `srv-record`
 * overrides `srv-domain`, as in confd.
 */
export function duplicateFault(
  given: Values,
): { readonly about: readonly (keyof Values)[]; readonly fault: Fault } | undefined {
  const about = alternatives.find(
    ([one, other]) => one !== 'srv-domain' && isGiven(given, one) && isGiven(given, other),
  )
  if (about === undefined) return undefined
  const message = `${about.join(' and ')} are both set`
  return { about, fault: { kind: 'config', message, hint: 'leave one of them out' } }
}

/** Returns the configured backend, or else the default. */
export const backendOf = ({ backend, file = [] }: Values): BackendName =>
  backend ?? (file.length > 0 ? 'file' : 'etcdv3')

export function connectionOf(given: Values, backend: BackendName): ConnectionSettings {
  const text = (name: OptionName): string | undefined =>
    isGiven(given, name) ? (given[name] as string) : undefined
  const path = (name: OptionName): string | undefined => {
    const file = text(name)
    return file === undefined ? undefined : resolve(file)
  }
  const hasNodes = backend !== 'file' && backend !== 'env'
  const srv = hasNodes ? recordsOf(given, backend) : undefined
  return defined({
    nodes: hasNodes && srv === undefined ? (given.node ?? []) : [],
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

/**
 * Returns the SRV records to query. As in confd, a domain means `_BACKEND._tcp.DOMAIN`. Some versions of confd
 * call the backend `etcd`, others `etcdv3`, so both names are tried.
 */
function recordsOf(given: Values, backend: BackendName): readonly string[] | undefined {
  const name = given['srv-record'] ?? ''
  if (name !== '') return [name]
  const domain = given['srv-domain'] ?? ''
  if (domain === '') return undefined
  const services = backend.startsWith('etcd') ? ['etcd', backend] : [backend]
  return services.map((service) => `_${service}._tcp.${domain}`)
}

/** Warns about secrets on the command line, and about settings that have no effect. */
export function connectionNotices(given: Values, typed: Values): readonly string[] {
  const lines: string[] = []
  for (const name of Object.keys(typed) as OptionName[]) {
    if (optionOf(name).secret !== true) continue
    lines.push(
      `-${name} on the command line is visible to other users (ps, shell history): use -${name}-file or the environment instead`,
    )
  }
  const found = (['srv-record', 'srv-domain'] as const).find((name) => isGiven(given, name))
  if (found !== undefined && (given.node ?? []).length > 0) {
    lines.push(`-node is not used: -${found} provides the nodes`)
  }
  if (given['basic-auth'] === true && !isGiven(given, 'username')) {
    lines.push('-basic-auth without -username has no effect')
  }
  return lines
}
