// Combines the faults of a store's nodes into one.
import type { Fault } from '../core/fault.ts'
import type { AskedNodes } from './race.ts'

/** Returns the fault for a round in which no node could be read. Equal failures result in equal messages. */
export function roundFault(name: string, asked: AskedNodes): Fault {
  const faults = [...asked].map(([node, fault]) => fault ?? silentFault(name, node))
  const [first, ...others] = faults
  if (first === undefined) return { kind: 'store', message: `${name} has no node` }
  if (others.length === 0) return first
  const message = [...new Set(faults.map((fault) => fault.message))].join('; ')
  // The hints for nodes that have failed are more useful than the hint for silent nodes, which is only a guess.
  const failed = faults.filter((fault) => [...asked.values()].includes(fault))
  const hints = [
    ...new Set((failed.length > 0 ? failed : faults).flatMap(({ hint }) => hint ?? [])),
  ]
  return {
    kind: 'store',
    message,
    ...(hints.length === 0 ? {} : { hint: hints.join('; ') }),
    // A retry can help unless every fault is permanent.
    ...(faults.every(({ permanent }) => permanent === true) ? { permanent: true } : {}),
  }
}

/** The fault for a node that has not answered yet. */
export const silentFault = (name: string, node: string): Fault => ({
  kind: 'store',
  message: `${name} at ${node} has not answered`,
  hint: 'check that it is running there, and check -node and the firewall',
})
