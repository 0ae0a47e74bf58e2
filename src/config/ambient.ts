// What the programs of Consul and etcd themselves take from the environment: read where the setting is absent
// everywhere else, so that a shell in which `consul kv get` or `etcdctl get` works is enough.
import { merge } from './connection.ts'
import type { OptionName, Values } from './options.ts'
import type { ProxySettings } from '../core/settings.ts'
import { defined } from './defined.ts'
import { parseBoolean } from './values.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Settings that belong together, and the variables that stand for them. */
interface Row {
  /** Read when none of these is given. */
  readonly unless: readonly OptionName[]
  readonly variables: readonly string[]
  /** @returns undefined when the texts, in the order of the variables, say nothing */
  readonly read: (...texts: readonly string[]) => Values | undefined
}

const isTrue = (text: string): boolean => {
  const parsed = parseBoolean(text)
  return parsed.ok && parsed.value
}

const text = (option: OptionName, ...variables: readonly string[]): Row => ({
  unless: [option],
  variables,
  read: (...texts) => {
    const found = texts.find((one) => one !== '')
    return found === undefined ? undefined : { [option]: found }
  },
})

const certificate = (cert: string, key: string): Row => ({
  unless: ['client-cert', 'client-key'],
  variables: [cert, key],
  read: (certFile = '', keyFile = '') => ({
    ...(certFile === '' ? {} : { 'client-cert': certFile }),
    ...(keyFile === '' ? {} : { 'client-key': keyFile }),
  }),
})

/** `name:password`, or the name alone and the password in a variable of its own. */
const credentials = (user: string, ...password: readonly string[]): Row => ({
  unless: ['username', 'password', 'password-file'],
  variables: [user, ...password],
  read: (pair = '', own = '') => {
    const [username = '', ...rest] = pair.split(':')
    if (username === '') return undefined
    return { username, password: rest.length === 0 ? own : rest.join(':') }
  },
})

const nodes = (...variables: readonly string[]): Row => ({
  unless: ['node', 'srv-domain', 'srv-record'],
  variables,
  read: (...texts) => {
    const found = texts.find((one) => one !== '')?.split(',') ?? []
    const node = found.map((one) => one.trim()).filter((one) => one !== '')
    return node.length === 0 ? undefined : { node }
  },
})

const insecure = (variable: string, isSo: (text: string) => boolean): Row => ({
  unless: ['client-insecure', 'client-ca-keys'],
  variables: [variable],
  read: (value = '') => (isSo(value) ? { 'client-insecure': true } : undefined),
})

/** https://developer.hashicorp.com/consul/commands#environment-variables; the token is read by the store. */
const CONSUL: readonly Row[] = [
  nodes('CONSUL_HTTP_ADDR'),
  {
    unless: ['scheme'],
    variables: ['CONSUL_HTTP_SSL'],
    read: (value = '') => (isTrue(value) ? { scheme: 'https' } : undefined),
  },
  text('client-ca-keys', 'CONSUL_CACERT'),
  certificate('CONSUL_CLIENT_CERT', 'CONSUL_CLIENT_KEY'),
  text('client-server-name', 'CONSUL_TLS_SERVER_NAME'),
  insecure('CONSUL_HTTP_SSL_VERIFY', (value) => {
    const verify = parseBoolean(value)
    return verify.ok && !verify.value
  }),
  credentials('CONSUL_HTTP_AUTH'),
]

/** https://etcd.io/docs/latest/op-guide/maintenance/ (etcdctl's flags as variables); then those of its v2. */
const ETCD: readonly Row[] = [
  nodes('ETCDCTL_ENDPOINTS', 'ETCDCTL_ENDPOINT', 'ETCDCTL_PEERS'),
  text('srv-domain', 'ETCDCTL_DISCOVERY_SRV'),
  text('client-ca-keys', 'ETCDCTL_CACERT', 'ETCDCTL_CA_FILE'),
  certificate('ETCDCTL_CERT', 'ETCDCTL_KEY'),
  certificate('ETCDCTL_CERT_FILE', 'ETCDCTL_KEY_FILE'),
  insecure('ETCDCTL_INSECURE_SKIP_TLS_VERIFY', isTrue),
  credentials('ETCDCTL_USER', 'ETCDCTL_PASSWORD'),
  credentials('ETCDCTL_USERNAME', 'ETCDCTL_PASSWORD'),
]

const rowsOf = (backend: string): readonly Row[] =>
  backend.startsWith('etcd') ? ETCD : backend.startsWith('consul') ? CONSUL : []

/** The settings of a store, with those that the environment adds to them. */
export interface Completed {
  readonly values: Values
  /** The variables that were used. */
  readonly used: readonly string[]
}

export function completed(given: Values, backend: string, env: Environment): Completed {
  return rowsOf(backend).reduce<Completed>(
    (so, { unless, variables, read }) => {
      if (unless.some((name) => so.values[name] !== undefined && so.values[name] !== '')) return so
      const texts = variables.map((name) => env[name] ?? '')
      const found = texts.every((one) => one === '') ? undefined : read(...texts)
      if (found === undefined || Object.keys(found).length === 0) return so
      const used = variables.filter((_, i) => texts[i] !== '')
      return { values: merge(found, so.values), used: [...so.used, ...used] }
    },
    { values: given, used: [] },
  )
}

/** What HTTP_PROXY and its like say; undefined when they are not to be used, or say nothing. */
export function proxyOf({ proxy }: Values, env: Environment): ProxySettings | undefined {
  if (proxy !== 'env') return undefined
  const said = (name: string): string | undefined =>
    [env[name], env[name.toLowerCase()]].find((one) => one !== undefined && one !== '')
  const [http, https] = [said('HTTP_PROXY'), said('HTTPS_PROXY')]
  if (http === undefined && https === undefined) return undefined
  const except = (said('NO_PROXY') ?? '').split(/[\s,]+/).filter((one) => one !== '')
  return defined({ http, https, except })
}
