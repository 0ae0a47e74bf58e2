// Settings of other confds that reconfd does not have under that name: the older ones, and the fork. Each is
// taken as a setting of ours, or taken without effect, or refused; none is ignored in silence.
import { ok } from '../core/result.ts'
import { warning, type Notice } from './notice.ts'
import { optionOf, parseValue, type OptionName } from './options.ts'
import { parseBoolean, type Parsed } from './values.ts'

export interface Foreign {
  /** Whose setting it is, for messages. */
  readonly of: 'old confd' | 'confd' | "confd's fork"
  /** As a flag it takes no value. */
  readonly isSwitch?: true
  /** Taken: the setting that gets its value, or, of a switch that is on, `value`. */
  readonly option?: OptionName
  readonly value?: string
  /** Taken, and nothing comes of it. Without this and `option` it is refused. */
  readonly isIdle?: true
  /** What to write here, or why nothing is needed. A sentence without a full stop. */
  readonly instead: string
  /** No confd reads it from the environment, and the variable may well be somebody else's. */
  readonly isVariable?: false
}

/** A switch that is a setting of ours with a certain value. */
const switched = (option: OptionName, value: string): Foreign => ({
  of: 'old confd',
  isSwitch: true,
  option,
  value,
  instead: value === 'true' ? option : `${option} ${value}`,
  isVariable: false,
})
const renamed = (option: OptionName, instead: string): Foreign => ({
  of: 'old confd',
  option,
  instead,
  isVariable: false,
})
const idle = (instead: string, isSwitch?: true): Foreign => ({
  of: "confd's fork",
  isIdle: true,
  instead,
  ...(isSwitch === undefined ? {} : { isSwitch }),
})
const refused = (instead: string, more: Partial<Foreign> = {}): Foreign => ({
  of: "confd's fork",
  instead,
  ...more,
})
const ofVault = refused('Vault is not supported', { of: 'confd' })
const ofAws = refused('the stores of AWS are not supported')
const own = 'reconfd has timeouts of its own, and retries until it succeeds'
const cached = 'a template is compiled once, until it changes'
const byService = 'reconfd talks to systemd by itself when it is started as Type=notify'

/** By the name of the flag. */
const foreign: Readonly<Record<string, Foreign>> = {
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
  'shutdown-timeout': idle('a stop waits for running commands, each within its own timeout'),
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
  table: refused('DynamoDB is not supported', { of: 'confd', isVariable: false }),
  'acm-export-private-key': ofAws,
  'secretsmanager-version-stage': ofAws,
  'secretsmanager-no-flatten': ofAws,
}

export const foreignNames = Object.keys(foreign)

/** @param name of the flag */
export const foreignOf = (name: string): Foreign | undefined =>
  Object.hasOwn(foreign, name) ? foreign[name] : undefined

export const isRefused = ({ option, isIdle }: Foreign): boolean =>
  option === undefined && isIdle !== true

/** Says that a setting is not here. `given` is how it was given: `flag -metrics-addr`. */
export const refusal = (
  given: string,
  { of, instead }: Foreign,
): { message: string; hint: string } => ({
  message: `${given} of ${of} is not supported by reconfd`,
  hint: instead,
})

/** Says what was made of a setting. */
export function taken(given: string, { of, instead, isIdle }: Foreign, isOn: boolean): Notice {
  const what = `${given} of ${of}`
  if (isIdle === true) return warning(`${what} has no effect: ${instead}`)
  if (isOn) return warning(`${what} is taken as ${instead}; write that instead`)
  return warning(`${what} has no effect; ${instead.split(' ')[0]} replaces it`)
}

/** One that was given as text. */
interface Read {
  readonly notice: Notice
  /** What it sets, of lists one element. */
  readonly sets?: readonly [OptionName, unknown]
}

/** @returns or what is wrong with the text, completing "... is not" */
export function readForeign(given: string, foreign: Foreign, text: string): Parsed<Read> {
  const { option: name, value, isSwitch, isIdle } = foreign
  if (isIdle === true) return ok({ notice: taken(given, foreign, true) })
  const isOn = isSwitch === true ? parseBoolean(text) : ok(true)
  if (!isOn.ok) return isOn
  const notice = taken(given, foreign, isOn.value)
  if (name === undefined || !isOn.value) return ok({ notice })
  const parsed = parseValue(optionOf(name), value ?? text)
  return parsed.ok ? ok({ notice, sets: [name, parsed.value] }) : parsed
}
