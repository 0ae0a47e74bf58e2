// Finds settings that the backend does not use. In the table of a store, each of them is a fault. For the default
// store, only settings that select data are faults: as in confd, a confd.toml with certificates can be used with
// `-backend env`.
import type { Fault } from '../core/fault.ts'
import type { BackendName } from '../core/settings.ts'
import { backendOf, isGiven } from './connection.ts'
import type { Contradiction } from './contradictions.ts'
import { warning, type SettingsNotice } from './notice.ts'
import {
  envNames,
  optionNames,
  optionOf,
  tomlNames,
  type OptionName,
  type Values,
} from './options.ts'

/** The given settings that the backend does not use, in the order of the table of options. */
export const unusedBy = (backend: BackendName, given: Values): readonly OptionName[] =>
  optionNames.filter((name) => {
    const { backends } = optionOf(name)
    return backends !== undefined && !backends.includes(backend) && isGiven(given, name)
  })

/** Returns the message and the hint for a setting that the backend does not use. */
export function unusedFault(
  called: string,
  name: OptionName,
  backend: BackendName,
): { readonly message: string; readonly hint: string } {
  const { backends = [] } = optionOf(name)
  return {
    message: `${called} has no effect with backend ${backend}`,
    hint: `it is for ${backends.join(', ')}: remove it, or choose another backend`,
  }
}

/** Settings from one source. */
export interface SettingsSource {
  readonly values: Values
  readonly kind: 'confd.toml' | 'environment' | 'flags' | 'object'
}

const called = (name: OptionName, kind: SettingsSource['kind']): string => {
  if (kind === 'flags') return `-${name}`
  if (kind === 'environment') return envNames(name)[0] ?? name
  const entry = tomlNames(name)[0] ?? name
  return kind === 'object' ? entry : `${entry} in confd.toml`
}

const selectsData = (name: OptionName): boolean =>
  name.startsWith('consul-') || ['separator', 'filter', 'etcd-slashless'].includes(name)

/**
 * Returns the faults and notices about settings that the default store does not use.
 * @param sources weakest first
 */
export function unusedOf(sources: readonly SettingsSource[]): {
  readonly faults: readonly Contradiction[]
  readonly notices: readonly SettingsNotice[]
} {
  const given = sources.reduce<Values>((all, { values }) => ({ ...all, ...values }), {})
  const backend = backendOf(given)
  const chosen = sources.findLastIndex(({ values }) => 'backend' in values || 'file' in values)
  const faults: Contradiction[] = []
  const notices: SettingsNotice[] = []
  for (const name of unusedBy(backend, given)) {
    const from = sources.findLastIndex(({ values }) => name in values)
    const what = called(name, sources[from]?.kind ?? 'flags')
    // If a file or the environment replaces the configured store, for example in a test, the settings of the replaced
    // store do not matter.
    const isReplaced = from < chosen && (backend === 'file' || backend === 'env')
    if (selectsData(name) && !isReplaced) {
      const fault: Fault = { kind: 'config', ...unusedFault(what, name, backend) }
      faults.push({ about: [name], fault })
    } else notices.push(warning(`${what} is not used: the backend is ${backend}`))
  }
  return { faults, notices }
}
