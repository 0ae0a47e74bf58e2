// Compares the files in place with those that an earlier run proved. If they are the same, the program of exec mode
// may start with them while the store is unreachable.
import { hashOf } from '../apply/hash.ts'
import type { Resource } from '../core/resource.ts'
import type { FullStatus } from '../core/status.ts'
import type { Machine } from './machine.ts'
import type { RunState } from './run-state.ts'

/** Returns why the files differ, or may differ, from the proved ones; undefined if they are the same. */
export async function doubtOf(
  { name, templates }: Resource,
  { journal, damage }: Pick<RunState, 'journal' | 'damage'>,
  status: FullStatus | undefined,
  machine: Machine,
): Promise<string | undefined> {
  if (damage !== undefined && damage !== 'missing') return 'the journal of owed reloads is damaged'
  if (journal.owed.has(name)) return 'its reload is owed: no successful reload has read these files'
  const hashes = status?.resources.find((one) => one.name === name)?.hashes
  if (hashes === undefined) return 'no earlier run has applied this resource'
  const dests = templates.flatMap(({ forEach, dest }) => (forEach === undefined ? [dest] : []))
  for (const dest of new Set([...dests, ...Object.keys(hashes)])) {
    const found = await machine.observe(dest)
    if (found.kind !== 'file') return `${dest} is missing`
    if (hashOf(found.bytes) !== hashes[dest]) return `${dest} has changed since the last run`
  }
  return undefined
}
