// A unit: what changes together, or not at all. One resource by itself, or all resources of a group.
import type { Resource } from './resource.ts'

export interface Unit {
  /** Of its resource, else `group NAME`. */
  readonly name: string
  readonly resources: readonly Resource[]
}

export function unitsOf(resources: readonly Resource[]): Unit[] {
  const units = new Map<string, Resource[]>()
  for (const resource of resources) {
    const name = resource.group === undefined ? resource.name : `group ${resource.group}`
    units.set(name, [...(units.get(name) ?? []), resource])
  }
  return [...units].map(([name, members]) => ({ name, resources: members }))
}

/** What is in place before it has proved to be good: it may have to be taken back. */
export const mayGoBack = ({ resources }: Unit): boolean =>
  resources.some(
    ({ reload, groupCheck }) => reload.onFailure === 'rollback' || groupCheck !== undefined,
  )
