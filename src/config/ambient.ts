// Reads the environment variables of Consul's and etcd's own programs as a fallback for missing settings, so that
// reconfd works in a shell in which `consul kv get` or `etcdctl get` works.
import { merge } from './connection.ts'
import type { OptionName, Values } from './options.ts'
import type { ProxySettings } from '../core/settings.ts'
import { defined } from './defined.ts'
import { parseBoolean } from './values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Related settings, and the variables that supply them if none of these settings is set. */
interface AmbientRow {
  /** The variables are read only if none of these options is set. */
  readonly unless: readonly OptionName[]
  readonly variables: readonly string[]
  /** @param texts values of the variables, in order @returns undefined if the values set nothing */
  readonly read: (...texts: readonly string[]) => Values | undefined
}

const isTrueText = (text: string): boolean => {
  const parsed = parseBoolean(text)
  return parsed.ok && parsed.value
}

const textRow = (option: OptionName, ...variables: readonly string[]): AmbientRow => ({
  unless: [option],
  variables,
  read: (...texts) => {
    const found = texts.find((one) => one !== '')
    return found === undefined ? undefined : { [option]: found }
  },
})

const certificate = (cert: string, key: string): AmbientRow => ({
  unless: ['client-cert', 'client-key'],
  variables: [cert, key],
  read: (certFile = '', keyFile = '') => ({
    ...(certFile === '' ? {} : { 'client-cert': certFile }),
    ...(keyFile === '' ? {} : { 'client-key': keyFile }),
  }),
})

/** Reads `name:password` from the first variable; if it contains only a name, reads the password from the second. */
const credentialsRow = (user: string, ...password: readonly string[]): AmbientRow => ({
  unless: ['username', 'password', 'password-file'],
  variables: [user, ...password],
  read: (pair = '', own = '') => {
    const [username = '', ...rest] = pair.split(':')
    if (username === '') return undefined
    return { username, password: rest.length === 0 ? own : rest.join(':') }
  },
})

const nodes = (...variables: readonly string[]): AmbientRow => ({
  unless: ['node', 'srv-domain', 'srv-record'],
  variables,
  read: (...texts) => {
    const found = texts.find((one) => one !== '')?.split(',') ?? []
    const node = found.map((one) => one.trim()).filter((one) => one !== '')
    return node.length === 0 ? undefined : { node }
  },
})

const insecureRow = (variable: string, isSo: (text: string) => boolean): AmbientRow => ({
  unless: ['client-insecure', 'client-ca-keys'],
  variables: [variable],
  read: (value = '') => (isSo(value) ? { 'client-insecure': true } : undefined),
})

/**
 * The variables in https://developer.hashicorp.com/consul/commands#environment-variables, except those for the token,
 * which the store reads itself.
 */
const CONSUL: readonly AmbientRow[] = [
  nodes('CONSUL_HTTP_ADDR'),
  {
    unless: ['scheme'],
    variables: ['CONSUL_HTTP_SSL'],
    read: (value = '') => (isTrueText(value) ? { scheme: 'https' } : undefined),
  },
  textRow('client-ca-keys', 'CONSUL_CACERT'),
  certificate('CONSUL_CLIENT_CERT', 'CONSUL_CLIENT_KEY'),
  textRow('client-server-name', 'CONSUL_TLS_SERVER_NAME'),
  insecureRow('CONSUL_HTTP_SSL_VERIFY', (value) => {
    const verify = parseBoolean(value)
    return verify.ok && !verify.value
  }),
  credentialsRow('CONSUL_HTTP_AUTH'),
]

/**
 * The variables of etcdctl for the v3 API (https://etcd.io/docs/latest/op-guide/maintenance/), and those for the v2
 * API.
 */
const ETCD: readonly AmbientRow[] = [
  nodes('ETCDCTL_ENDPOINTS', 'ETCDCTL_ENDPOINT', 'ETCDCTL_PEERS'),
  textRow('srv-domain', 'ETCDCTL_DISCOVERY_SRV'),
  textRow('client-ca-keys', 'ETCDCTL_CACERT', 'ETCDCTL_CA_FILE'),
  certificate('ETCDCTL_CERT', 'ETCDCTL_KEY'),
  certificate('ETCDCTL_CERT_FILE', 'ETCDCTL_KEY_FILE'),
  insecureRow('ETCDCTL_INSECURE_SKIP_TLS_VERIFY', isTrueText),
  credentialsRow('ETCDCTL_USER', 'ETCDCTL_PASSWORD'),
  credentialsRow('ETCDCTL_USERNAME', 'ETCDCTL_PASSWORD'),
]

const rowsOf = (backend: string): readonly AmbientRow[] =>
  backend.startsWith('etcd') ? ETCD : backend.startsWith('consul') ? CONSUL : []

/** The settings of a store, completed from the environment. */
export interface Completed {
  readonly values: Values
  /** Names of the variables used. */
  readonly used: readonly string[]
  /** The variables that supplied options, by option. */
  readonly suppliedBy: Readonly<Partial<Record<OptionName, string>>>
}

export function completed(given: Values, backend: string, env: Environment): Completed {
  return rowsOf(backend).reduce<Completed>(
    (so, { unless, variables, read }) => {
      if (unless.some((name) => so.values[name] !== undefined && so.values[name] !== '')) return so
      const texts = variables.map((name) => env[name] ?? '')
      const found = texts.every((one) => one === '') ? undefined : read(...texts)
      if (found === undefined || Object.keys(found).length === 0) return so
      const used = variables.filter((_, i) => texts[i] !== '')
      const suppliedBy = Object.keys(found).map((option, i) => [option, used[i] ?? used[0]])
      return {
        values: merge(found, so.values),
        used: [...so.used, ...used],
        suppliedBy: { ...so.suppliedBy, ...(Object.fromEntries(suppliedBy) as object) },
      }
    },
    { values: given, used: [], suppliedBy: {} },
  )
}

/** Reads HTTP_PROXY, HTTPS_PROXY and NO_PROXY. Undefined if `-proxy` is not `env`, or no proxy is set. */
export function proxyOf({ proxy }: Values, env: Environment): ProxySettings | undefined {
  if (proxy !== 'env') return undefined
  const said = (name: string): string | undefined =>
    [env[name], env[name.toLowerCase()]].find((one) => one !== undefined && one !== '')
  const [http, https] = [said('HTTP_PROXY'), said('HTTPS_PROXY')]
  if (http === undefined && https === undefined) return undefined
  const except = (said('NO_PROXY') ?? '').split(/[\s,]+/).filter((one) => one !== '')
  return defined({ http, https, except })
}
