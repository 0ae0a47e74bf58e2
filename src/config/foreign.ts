// Settings of old confd versions and of confd's fork that have another name in reconfd, or no counterpart. Each is
// translated, accepted without effect, or refused, and a message says which.
import { ok } from '../core/result.ts'
import { warning, type SettingsNotice } from './notice.ts'
import { optionOf, parseValue, type OptionName } from './options.ts'
import { parseBoolean, type ParseResult } from './values.ts'

export interface ForeignSetting {
  /** Origin of the setting, for messages. */
  readonly of: 'old confd' | 'confd' | "confd's fork"
  /** True if the flag takes no value. */
  readonly isSwitch?: true
  /** The option that replaces the setting. A switch sets it to `value`. */
  readonly option?: OptionName
  readonly value?: string
  /** The setting is accepted without effect. A setting with neither `isIdle` nor `option` is refused. */
  readonly isIdle?: true
  /** The replacement, or the reason why there is none, without a full stop. */
  readonly instead: string
  /**
   * False if no version of confd reads the setting from the environment. A variable of that name may belong to another
   * program.
   */
  readonly isVariable?: false
}

/** A switch that sets an option to a fixed value. */
const switched = (option: OptionName, value: string): ForeignSetting => ({
  of: 'old confd',
  isSwitch: true,
  option,
  value,
  instead: value === 'true' ? option : `${option} ${value}`,
  isVariable: false,
})
const renamed = (option: OptionName, instead: string): ForeignSetting => ({
  of: 'old confd',
  option,
  instead,
  isVariable: false,
})
const idle = (instead: string, isSwitch?: true): ForeignSetting => ({
  of: "confd's fork",
  isIdle: true,
  instead,
  ...(isSwitch === undefined ? {} : { isSwitch }),
})
const refused = (instead: string, more: Partial<ForeignSetting> = {}): ForeignSetting => ({
  of: "confd's fork",
  instead,
  ...more,
})
const ofVault = refused('remove it: Vault is not supported', { of: 'confd' })
const ofAws = refused('remove it: the stores of AWS are not supported')
const own = 'reconfd has its own timeouts, and retries until it succeeds'
const cached = 'a template is compiled once, and again only after it has changed'
const byService = 'reconfd always notifies systemd if the unit has Type=notify'

/** Foreign settings by flag name. */
const foreign: Readonly<Record<string, ForeignSetting>> = {
  quiet: switched('log-level', 'warn'),
  verbose: switched('log-level', 'info'),
  debug: switched('log-level', 'debug'),
  'etcd-nodes': renamed('node', 'nodes'),
  'etcd-scheme': renamed('scheme', 'scheme'),
  'dry-run': switched('noop', 'true'),
  consul: switched('backend', 'consul'),
  'consul-addr': renamed('node', 'nodes'),
  color: idle('diffs are coloured on a terminal, unless NO_COLOR is set', true),
  'diff-context': idle('a diff shows three lines around each change'),
  'template-cache': idle(cached, true),
  'no-template-cache': idle(cached, true),
  'template-cache-size': idle(cached),
  'template-cache-policy': idle(cached),
  'dial-timeout': idle(own),
  'read-timeout': idle(own),
  'write-timeout': idle(own),
  'retry-max-attempts': idle(own),
  'retry-base-delay': idle(own),
  'retry-max-delay': idle(own),
  'watch-error-backoff': idle(own),
  'systemd-notify': idle(byService, true),
  'watchdog-interval': idle(byService),
  'shutdown-timeout': idle(
    'on shutdown, reconfd waits for running commands, up to the timeout of each',
  ),
  'backend-timeout': refused('use -timeout for onetime runs; a daemon waits for its store'),
  'preflight-timeout': refused('use -timeout'),
  'batch-interval': refused('use -debounce and -debounce-max'),
  'metrics-addr': refused(
    'use -http, as in -http 0.0.0.0:9100; it serves /metrics, /healthz and /readyz',
  ),
  'mock-data': refused('use -validate -file FILE'),
  'secret-keyring': refused('run without it, or keep confd for this', { of: 'confd' }),
  'auth-type': ofVault,
  'app-id': ofVault,
  'user-id': ofVault,
  'role-id': ofVault,
  'secret-id': ofVault,
  path: { ...ofVault, isVariable: false },
  table: refused('remove it: DynamoDB is not supported', { of: 'confd', isVariable: false }),
  'acm-export-private-key': ofAws,
  'secretsmanager-version-stage': ofAws,
  'secretsmanager-no-flatten': ofAws,
}

export const foreignNames = Object.keys(foreign)

/** Returns the foreign setting with this flag name, if there is one. */
export const foreignOf = (name: string): ForeignSetting | undefined =>
  Object.hasOwn(foreign, name) ? foreign[name] : undefined

export const isUnsupported = ({ option, isIdle }: ForeignSetting): boolean =>
  option === undefined && isIdle !== true

/** The fault for an unsupported setting. @param given such as `flag -metrics-addr` */
export const unsupportedFault = (
  given: string,
  { of, instead }: ForeignSetting,
): { message: string; hint: string } => ({
  message: `${given} of ${of} is not supported by reconfd`,
  hint: instead,
})

/** Builds a notice that names the origin of the setting and its replacement. */
export function acceptedNotice(
  given: string,
  { of, instead, isIdle }: ForeignSetting,
  isOn: boolean,
): SettingsNotice {
  const what = `${given} of ${of}`
  if (isIdle === true) return warning(`${what} has no effect: ${instead}`)
  if (isOn) return warning(`${what} is read as ${instead}; write that instead`)
  return warning(`${what} has no effect; ${instead.split(' ')[0]} replaces it`)
}

/** The translation of a foreign setting. */
interface ForeignValue {
  readonly notice: SettingsNotice
  /** The option that the setting sets, and the value; for a list, one element. */
  readonly sets?: readonly [OptionName, unknown]
}

/** Translates a foreign setting. An error describes the expected text, as in values.ts. */
export function readForeign(
  given: string,
  foreign: ForeignSetting,
  text: string,
): ParseResult<ForeignValue> {
  const { option: name, value, isSwitch, isIdle } = foreign
  if (isIdle === true) return ok({ notice: acceptedNotice(given, foreign, true) })
  const isOn = isSwitch === true ? parseBoolean(text) : ok(true)
  if (!isOn.ok) return isOn
  const notice = acceptedNotice(given, foreign, isOn.value)
  if (name === undefined || !isOn.value) return ok({ notice })
  const parsed = parseValue(optionOf(name), value ?? text)
  return parsed.ok ? ok({ notice, sets: [name, parsed.value] }) : parsed
}
