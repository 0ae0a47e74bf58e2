// Formats the status as one line for `systemctl status`.
import { counted, listed, toSecond } from '../core/words.ts'
import {
  lateness,
  type FullStatus,
  type ResourceStatus,
  type ResourceState,
  type StoreStatus,
} from '../core/status.ts'

/** Maximum number of resources named for each state. */
const MAX_NAMES = 3

export function statusLine({ resources, stores, configuration, child }: FullStatus): string {
  const refused =
    configuration === undefined
      ? []
      : [
          `invalid configuration since ${toSecond(configuration.since)}, the previous one stays in use`,
        ]
  return [
    ...refused,
    inSync(resources),
    ...named(resources, 'failed', 'failed'),
    ...named(resources, 'held', 'held'),
    ...named(resources, 'owed', 'reload owed'),
    ...countIn(resources, 'stale'),
    ...countIn(resources, 'behind'),
    ...countIn(resources, 'waiting'),
    ...stores.flatMap(storeProblem),
    ...(child === undefined ? [] : [`${child.program} ${child.state}`]),
  ].join('; ')
}

const inState = (resources: readonly ResourceStatus[], state: ResourceState): readonly string[] =>
  resources.filter((resource) => resource.state === state).map(({ name }) => name)

function inSync(resources: readonly ResourceStatus[]): string {
  const all = resources.length
  if (all === 0) return 'no resources'
  const good = inState(resources, 'in sync').length
  return `${good === all ? '' : `${good} of `}${counted(all, 'resource')} in sync`
}

function named(resources: readonly ResourceStatus[], state: ResourceState, word: string): string[] {
  const names = inState(resources, state)
  return names.length === 0 ? [] : [`${word}: ${listed(names, MAX_NAMES)}`]
}

function countIn(resources: readonly ResourceStatus[], state: ResourceState): string[] {
  const { length } = inState(resources, state)
  return length === 0 ? [] : [`${length} ${state}`]
}

function storeProblem({ name, state, since, fault, lag }: StoreStatus): string[] {
  if (state === 'live') return []
  if (lag !== undefined) return [`${name} is behind: ${lateness(lag)}`]
  // Without a fault, the store is still connecting.
  return [
    fault === undefined ? `${name} is being read` : `${name} unreachable since ${toSecond(since)}`,
  ]
}
