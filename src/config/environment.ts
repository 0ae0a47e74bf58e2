// Reads CONFD_* variables. An empty variable counts as unset, as in confd. Commas separate the items of a list.
import type { Fault } from '../core/fault.ts'
import type { Environment } from './ambient.ts'
import { foreignNames, foreignOf, isUnsupported, readForeign, unsupportedFault } from './foreign.ts'
import { nearest } from './nearest.ts'
import { warning, type SettingsNotice } from './notice.ts'
import { envNames, optionNames, optionOf, parseValue, variableOf, type Values } from './options.ts'

export interface FromEnvironment {
  readonly values: Values
  readonly faults: readonly Fault[]
  readonly notices: readonly SettingsNotice[]
}

export function readEnvironmentSettings(env: Environment): FromEnvironment {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const used: string[] = []
  for (const name of optionNames) {
    const variable = envNames(name).find((candidate) => (env[candidate] ?? '') !== '')
    if (variable === undefined) continue
    const text = env[variable] ?? ''
    const option = optionOf(name)
    const parsed = parseValue(option, text)
    if (!parsed.ok) {
      const message = `environment variable ${variable}: "${text}" is not ${parsed.error}`
      faults.push({ kind: 'config', message, hint: `see -${name}: ${option.help}` })
    } else {
      values[name] = option.type === 'list' ? listOf(text) : parsed.value
      used.push(variable)
    }
  }
  const foreign = readForeignVariables(env)
  return {
    values: { ...foreign.values, ...values },
    faults: [...faults, ...foreign.faults],
    notices: [
      ...(used.length === 0 ? [] : [origin(used)]),
      ...foreign.notices,
      ...misspelt(env).map(warning),
    ],
  }
}

const origin = (used: readonly string[]): SettingsNotice => ({
  level: 'info',
  message: `settings read from the environment: ${used.join(', ')}`,
})

/**
 * Warnings about variables whose names resemble a setting. Other unknown variables are ignored, because images and
 * Kubernetes set some, such as CONFD_VERSION and CONFD_SERVICE_HOST.
 */
function misspelt(env: Environment): string[] {
  const set = Object.keys(env).filter((name) => name.startsWith('CONFD_') && env[name] !== '')
  const own = optionNames.flatMap(envNames)
  const known = new Set([...own, ...foreignNames.map(variableOf)])
  return set.flatMap((name) => {
    if (known.has(name)) return []
    const rest = (one: string): string => one.slice('CONFD_'.length)
    const near = nearest(rest(name), own.map(rest))
    return near === undefined
      ? []
      : [`the environment variable ${name} is not used: did you mean CONFD_${near}?`]
  })
}

/** Reads the variables of old confd versions and of confd's fork. Each is named after a flag. */
function readForeignVariables(env: Environment): FromEnvironment {
  const values: Record<string, unknown> = {}
  const faults: Fault[] = []
  const notices: SettingsNotice[] = []
  for (const name of foreignNames) {
    const foreign = foreignOf(name)
    const variable = variableOf(name)
    const text = env[variable] ?? ''
    if (foreign === undefined || foreign.isVariable === false || text === '') continue
    if (isUnsupported(foreign)) {
      faults.push({
        kind: 'config',
        ...unsupportedFault(`environment variable ${variable}`, foreign),
      })
      continue
    }
    const read = readForeign(variable, foreign, text)
    if (!read.ok) {
      const message = `environment variable ${variable}: "${text}" is not ${read.error}`
      faults.push({ kind: 'config', message, hint: foreign.instead })
      continue
    }
    const { notice, sets } = read.value
    notices.push(notice)
    if (sets === undefined) continue
    const [option, value] = sets
    values[option] = optionOf(option).type === 'list' ? listOf(text) : value
  }
  return { values, faults, notices }
}

const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
