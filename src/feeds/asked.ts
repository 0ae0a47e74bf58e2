// What the nodes of a store that were asked did, as one fault.
import type { Fault } from '../core/fault.ts'
import type { Asked } from './race.ts'

/** The fault of a round in which no node could be read. The text is the same as long as they do the same. */
export function allOf(name: string, asked: Asked): Fault {
  const faults = [...asked].map(([node, fault]) => fault ?? silent(name, node))
  const [first, ...others] = faults
  if (first === undefined) return { kind: 'store', message: `${name} has no node` }
  if (others.length === 0) return first
  const message = [...new Set(faults.map((fault) => fault.message))].join('; ')
  // What a node has said is worth more than what may be the matter with one that says nothing.
  const telling = faults.filter((fault) => [...asked.values()].includes(fault))
  const said = (telling.length > 0 ? telling : faults).flatMap(({ hint }) => hint ?? [])
  const hints = [...new Set(said)]
  return {
    kind: 'store',
    message,
    ...(hints.length === 0 ? {} : { hint: hints.join('; ') }),
    // Trying again mends it if it may mend one of them.
    ...(faults.every(({ permanent }) => permanent === true) ? { permanent: true } : {}),
  }
}

/** The fault of a node that has not said a word yet. */
export const silent = (name: string, node: string): Fault => ({
  kind: 'store',
  message: `${name} at ${node} has not answered`,
  hint: 'is it running there? check -node and the firewall',
})
