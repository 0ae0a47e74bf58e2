// Builds the settings of a run and of its stores from the merged values of all sources.
import { resolve } from 'node:path'
import { toKey } from '../core/key.ts'
import {
  isConsul,
  type CatalogSettings,
  type Settings,
  type StoreSettings,
} from '../core/settings.ts'
import { completed, proxyOf, type Environment } from './ambient.ts'
import type { ConfFile } from './conffile.ts'
import { backendOf, connectionOf } from './connection.ts'
import { defined } from './defined.ts'
import { options, parseValue, type Values } from './options.ts'

/** The parsed default of an option. */
function fallback(
  name:
    | 'interval'
    | 'poll-interval'
    | 'max-body'
    | 'max-message'
    | 'consul-max-stale'
    | 'timeout'
    | 'debounce-max'
    | 'min-reload-interval'
    | 'splay'
    | 'check-timeout'
    | 'reload-timeout',
): number {
  const parsed = parseValue(options[name], options[name].default)
  return parsed.ok ? (parsed.value as number) : 0
}

/**
 * Builds the settings of a store from its values.
 * @param env the environment, in which variables of Consul's and etcd's own programs may supply missing settings
 */
export function storeSettings(
  own: Values,
  mode: Settings['mode'],
  env: Environment,
): StoreSettings {
  const backend = backendOf(own)
  const { values: given, suppliedBy } = completed(own, backend, env)
  return {
    mode,
    backend,
    connection: defined({
      ...connectionOf(given, backend),
      suppliedBy: Object.keys(suppliedBy).length === 0 ? undefined : suppliedBy,
      proxy: proxyOf(given, env),
    }),
    files: (given.file ?? []).map((file) => resolve(file)),
    filter: given.filter ?? options.filter.default,
    separator: given.separator ?? options.separator.default,
    pollInterval: given['poll-interval'] ?? fallback('poll-interval'),
    limits: {
      body: given['max-body'] ?? fallback('max-body'),
      message: given['max-message'] ?? fallback('max-message'),
    },
    ...(given['etcd-slashless'] === true ? { slashless: true } : {}),
    ...(isConsul(backend) ? { catalog: catalogSettings(given) } : {}),
  }
}

const catalogSettings = (given: Values): CatalogSettings =>
  defined({
    health: given['consul-health'] ?? options['consul-health'].default,
    tags: given['consul-tag'] ?? [],
    meta: given['consul-meta'] ?? [],
    datacenter: given['consul-datacenter'],
    near: given['consul-near'],
    namespace: given['consul-namespace'],
    maxStale: given['consul-max-stale'] ?? fallback('consul-max-stale'),
  })

/** @param prefixFromFlag whether the prefix is from the command line */
export async function assemble(
  given: Values,
  stores: ConfFile['stores'],
  prefixFromFlag: boolean,
  env: Environment,
): Promise<Settings> {
  const { debounce: quiet } = given
  const mode = given.onetime === true ? 'onetime' : given.watch === true ? 'watch' : 'interval'
  const { 'dest-root': destRoot = '', report = '', replay = '', only = [] } = given
  return {
    ...storeSettings(given, mode, env),
    ...(replay === '' ? {} : { replay: resolve(replay) }),
    stores: new Map(
      [...stores].map(([name, own]) => [
        name,
        { ...storeSettings(own, mode, env), definedIn: `[stores.${name}]` },
      ]),
    ),
    env,
    confdir: resolve(given.confdir ?? options.confdir.default),
    prefix: toKey(given.prefix ?? ''),
    prefixFromFlag,
    // With -watch the store reports changes, so the periodic resync is off by default.
    interval: given.interval ?? (given.watch === true ? 0 : fallback('interval')),
    noop: given.noop ?? false,
    diff: given.diff ?? false,
    detailedExitcode: given['detailed-exitcode'] ?? false,
    syncOnly: given['sync-only'] ?? false,
    noReload: given['no-reload'] ?? false,
    allowEmpty: given['allow-empty'] ?? false,
    reloadAlways: given['reload-always'] ?? false,
    only,
    failureMode: given['failure-mode'] ?? (mode === 'onetime' ? 'fail-fast' : 'best-effort'),
    expandEnv: given['expand-env'] ?? false,
    ...(destRoot === '' ? {} : { destRoot: resolve(destRoot) }),
    ...(report === '' ? {} : { report: resolve(report) }),
    keepStageFile: given['keep-stage-file'] ?? false,
    timeout: given.timeout ?? fallback('timeout'),
    stateDir: resolve(given['state-dir'] ?? (await defaultStateDir(env))),
    ...(quiet === undefined ? {} : { quiet }),
    quietMax: given['debounce-max'] ?? Math.max(fallback('debounce-max'), quiet ?? 0),
    minReloadInterval: given['min-reload-interval'] ?? fallback('min-reload-interval'),
    splay: given.splay ?? fallback('splay'),
    checkTimeout: given['check-timeout'] ?? fallback('check-timeout'),
    reloadTimeout: given['reload-timeout'] ?? fallback('reload-timeout'),
    logLevel: given['log-level'] ?? options['log-level'].default,
    logFormat: given['log-format'] ?? options['log-format'].default,
  }
}

/** Returns the default state directory. For users other than root, it follows the XDG Base Directory Specification. */
async function defaultStateDir(env: Environment): Promise<string> {
  if (process.getuid?.() === 0) return '/var/lib/reconfd'
  const base = env['XDG_STATE_HOME'] ?? ''
  if (base.startsWith('/')) return `${base}/reconfd`
  const { homedir } = await import('node:os')
  return `${env['HOME'] || homedir()}/.local/state/reconfd`
}
