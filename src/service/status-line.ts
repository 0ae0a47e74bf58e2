// The status in one line, for `systemctl status`.
import { counted, listed, toSecond } from '../core/words.ts'
import {
  lateness,
  type FullStatus,
  type ResourceStatus,
  type State,
  type StoreStatus,
} from '../core/status.ts'

/** Of the resources that are in a bad state. */
const NAMED = 3

export function statusLine({ resources, stores, configuration, child }: FullStatus): string {
  const refused =
    configuration === undefined
      ? []
      : [
          `the configuration is bad since ${toSecond(configuration.since)}, the former one is at work`,
        ]
  return [
    ...refused,
    inSync(resources),
    ...named(resources, 'failed', 'failed'),
    ...named(resources, 'held', 'held'),
    ...named(resources, 'owed', 'reload owed'),
    ...number(resources, 'stale'),
    ...number(resources, 'behind'),
    ...number(resources, 'waiting'),
    ...stores.flatMap(away),
    ...(child === undefined ? [] : [`${child.program} ${child.state}`]),
  ].join('; ')
}

const inState = (resources: readonly ResourceStatus[], state: State): readonly string[] =>
  resources.filter((resource) => resource.state === state).map(({ name }) => name)

function inSync(resources: readonly ResourceStatus[]): string {
  const all = resources.length
  if (all === 0) return 'no resources'
  const good = inState(resources, 'in sync').length
  return `${good === all ? '' : `${good} of `}${counted(all, 'resource')} in sync`
}

function named(resources: readonly ResourceStatus[], state: State, word: string): string[] {
  const names = inState(resources, state)
  return names.length === 0 ? [] : [`${word}: ${listed(names, NAMED)}`]
}

function number(resources: readonly ResourceStatus[], state: State): string[] {
  const { length } = inState(resources, state)
  return length === 0 ? [] : [`${length} ${state}`]
}

function away({ name, state, since, fault, lag }: StoreStatus): string[] {
  if (state === 'live') return []
  if (lag !== undefined) return [`${name} is behind: ${lateness(lag)}`]
  // Before its first answer there is nothing wrong with it.
  return [fault === undefined ? `${name} is being read` : `${name} away since ${toSecond(since)}`]
}
