// Settings that the backend does not use. In a table of a store each is a fault, since whoever wrote it meant
// something by it. Of the default store only those are that select what is read: a confd.toml may name
// certificates and be used with `-backend env`, as confd allows.
import type { Fault } from '../core/fault.ts'
import type { BackendName } from '../core/settings.ts'
import { backendOf, isGiven } from './connection.ts'
import type { Contradiction } from './contradictions.ts'
import { warning, type Notice } from './notice.ts'
import {
  envNames,
  optionNames,
  optionOf,
  tomlNames,
  type OptionName,
  type Values,
} from './options.ts'

/** What of the settings the backend does not use, in the order of the table. */
export const unusedBy = (backend: BackendName, given: Values): readonly OptionName[] =>
  optionNames.filter((name) => {
    const { backends } = optionOf(name)
    return backends !== undefined && !backends.includes(backend) && isGiven(given, name)
  })

/** Why it is a fault: message and hint. */
export function unusedFault(
  called: string,
  name: OptionName,
  backend: BackendName,
): { readonly message: string; readonly hint: string } {
  const { backends = [] } = optionOf(name)
  return {
    message: `${called} has no effect with backend ${backend}`,
    hint: `it is for ${backends.join(', ')}: take it out, or choose another backend`,
  }
}

/** Settings from one place. */
export interface Source {
  readonly values: Values
  readonly kind: 'confd.toml' | 'environment' | 'flags' | 'object'
}

const called = (name: OptionName, kind: Source['kind']): string => {
  if (kind === 'flags') return `-${name}`
  if (kind === 'environment') return envNames(name)[0] ?? name
  const entry = tomlNames(name)[0] ?? name
  return kind === 'object' ? entry : `${entry} in confd.toml`
}

const selectsData = (name: OptionName): boolean =>
  name.startsWith('consul-') || ['separator', 'filter', 'etcd-slashless'].includes(name)

/**
 * What the default store does not use.
 * @param sources the weakest first
 */
export function unusedOf(sources: readonly Source[]): {
  readonly faults: readonly Contradiction[]
  readonly notices: readonly Notice[]
} {
  const given = sources.reduce<Values>((all, { values }) => ({ ...all, ...values }), {})
  const backend = backendOf(given)
  const chosen = sources.findLastIndex(({ values }) => 'backend' in values || 'file' in values)
  const faults: Contradiction[] = []
  const notices: Notice[] = []
  for (const name of unusedBy(backend, given)) {
    const from = sources.findLastIndex(({ values }) => name in values)
    const what = called(name, sources[from]?.kind ?? 'flags')
    // Keys of a file in place of a store, as for a test: what that store would have been asked is no matter.
    const isReplaced = from < chosen && (backend === 'file' || backend === 'env')
    if (selectsData(name) && !isReplaced) {
      const fault: Fault = { kind: 'config', ...unusedFault(what, name, backend) }
      faults.push({ about: [name], fault })
    } else notices.push(warning(`${what} is not used: the backend is ${backend}`))
  }
  return { faults, notices }
}
