// Settings for tests: quiet defaults, which the settings of a test override.
import type { Settings } from '../../src/core/settings.ts'

export type StoreSettings = Pick<Settings, 'backend'> & Partial<Settings>

export function settingsFor(own: StoreSettings): Settings {
  return {
    stores: new Map(),
    env: {},
    connection: { nodes: [], scheme: 'http' },
    files: [],
    filter: '*',
    separator: '/',
    pollInterval: 1000,
    limits: { body: 256 * 2 ** 20, message: 64 * 2 ** 20 },
    confdir: '/nonexistent',
    prefix: '/',
    prefixFromFlag: false,
    mode: 'watch',
    interval: 0,
    noop: false,
    diff: false,
    detailedExitcode: false,
    syncOnly: false,
    noReload: false,
    allowEmpty: false,
    reloadAlways: false,
    only: [],
    failureMode: 'fail-fast',
    expandEnv: false,
    keepStageFile: false,
    timeout: 10_000,
    stateDir: '/nonexistent',
    quiet: 0,
    quietMax: 0,
    minReloadInterval: 0,
    splay: 0,
    checkTimeout: 10_000,
    reloadTimeout: 10_000,
    logLevel: 'error',
    logFormat: 'text',
    ...own,
  }
}
