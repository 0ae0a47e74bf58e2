// Reads the database: all that is wanted by SCAN, or some names that have changed.
import type { Connection, Reply } from './connection.ts'
import { ReplyError } from './faults.ts'
import type { Scope } from './names.ts'

/** A string, or the fields of a hash. */
export type Content = string | ReadonlyMap<string, string>

/** By name; null when there is nothing of use: no such name, or another type. */
export type Contents = Map<string, Content | null>

/** Names looked at by one SCAN. */
const SCAN_COUNT = '1000'

/** Names in one MGET: values may be large. */
const BATCH = 200

/**
 * Everything in scope. Not of one moment: what changes meanwhile may be missing or old, and has to
 * be learned of otherwise. Throws a FaultError or a ReplyError.
 */
export async function readAll(connection: Connection, scope: Scope): Promise<Contents> {
  const contents = await readNames(connection, scope, scope.above)
  let cursor = '0'
  do {
    const command = ['SCAN', cursor, 'MATCH', scope.match, 'COUNT', SCAN_COUNT]
    const [next, found] = (await connection.request(...command)) as [string, string[]]
    // SCAN may give a name twice.
    const names = new Set(found.filter((name) => !contents.has(name) && scope.wants(name)))
    for (const [name, content] of await readNames(connection, scope, names)) {
      contents.set(name, content)
    }
    cursor = next
  } while (cursor !== '0')
  return contents
}

/** What the names hold now. Throws a FaultError or a ReplyError. */
export async function readNames(
  connection: Connection,
  scope: Scope,
  names: ReadonlySet<string>,
): Promise<Contents> {
  const contents: Contents = new Map()
  const below: string[] = []
  const hashes: string[] = []
  for (const name of names) (scope.above.has(name) ? hashes : below).push(name)
  for (let from = 0; from < below.length; from += BATCH) {
    const batch = below.slice(from, from + BATCH)
    // Null for names that are gone, and for those that are no strings.
    const values = (await connection.request('MGET', ...batch)) as (string | null)[]
    const others: string[] = []
    for (const [n, name] of batch.entries()) {
      const value = values[n] ?? null
      if (value === null) others.push(name)
      else contents.set(name, value)
    }
    await readHashes(connection, others, ['WRONGTYPE'], contents)
  }
  // Whoever may read below a prefix need not be let read what lies above it.
  await readHashes(connection, hashes, ['WRONGTYPE', 'NOPERM'], contents)
  return contents
}

async function readHashes(
  connection: Connection,
  names: readonly string[],
  tolerated: readonly string[],
  contents: Contents,
): Promise<void> {
  const read = async (name: string): Promise<void> => {
    try {
      const fields = fieldsOf(await connection.request('HGETALL', name))
      contents.set(name, fields.size > 0 ? fields : null)
    } catch (error) {
      if (!(error instanceof ReplyError) || !tolerated.includes(error.code)) throw error
      contents.set(name, null)
    }
  }
  await Promise.all(names.map(read))
}

/** A map's flat list as a map. */
export function fieldsOf(reply: Reply): Map<string, string> {
  const list = Array.isArray(reply) ? (reply as readonly Reply[]) : []
  const fields = new Map<string, string>()
  for (let n = 0; n + 1 < list.length; n += 2) fields.set(String(list[n]), String(list[n + 1]))
  return fields
}
