// Reads the database: either all wanted names (with SCAN), or only the names that have changed.
import { digits, each, listOf, Mismatch, mismatch, orNull, text, type Shape } from '../shape.ts'
import type { RedisConnection } from './connection.ts'
import { ReplyError } from './faults.ts'
import type { RedisScope } from './names.ts'

/** A string, or the fields of a hash. */
export type Content = string | ReadonlyMap<string, string>

/** The value of each name; null if the name is missing, or its value has another type. */
export type RedisContents = Map<string, Content | null>

/** The reply to SCAN. */
const scanned: Shape<readonly [cursor: string, names: readonly string[]]> = (reply) => {
  const [cursor, names, ...more] = listOf((item) => item)(reply)
  if (more.length > 0) throw new Mismatch('has more than a cursor and a list')
  return [digits(cursor), listOf(text)(names)]
}

const values =
  (length: number): Shape<readonly (string | null)[]> =>
  (reply) => {
    const list = listOf(orNull(text))(reply)
    if (list.length === length) return list
    throw new Mismatch(`has ${list.length} values for ${length} names`)
  }

/** Parses a map, which is received as a flat list: name, value, name, value. */
export const fields = <T>(shape: Shape<T>): Shape<ReadonlyMap<string, T>> => {
  return (reply) => {
    if (!Array.isArray(reply)) return mismatch(reply, 'a map')
    const list = reply as readonly unknown[]
    const found = new Map<string, T>()
    each(list, (name, n) => {
      if (n % 2 === 0) found.set(text(name), shape(list[n + 1]))
    })
    if (found.size * 2 !== list.length) throw new Mismatch('is not a map')
    return found
  }
}

const textFields = fields(text)

/** Approximate number of names that one SCAN examines. */
const SCAN_COUNT = '1000'

/** Number of names in one MGET. Small, because values may be large. */
const BATCH = 200

/**
 * Reads everything in scope. The read is not atomic: changes during the read may be missed and must be detected by
 * notifications. Throws a FaultError or a ReplyError.
 */
export async function readDatabase(
  connection: RedisConnection,
  scope: RedisScope,
): Promise<RedisContents> {
  const expectRoom = connection.budget()
  const contents = await readNames(connection, scope, scope.above)
  const isNext: Shape<ReturnType<typeof scanned>> = (reply) => {
    const [next, found] = scanned(reply)
    if (next === cursor && next !== '0')
      throw new Mismatch('is the previous cursor again').within(0)
    const stranger = found.findIndex((name) => !name.startsWith(scope.start))
    if (stranger < 0) return [next, found]
    throw new Mismatch('was not requested').within(stranger).within(1)
  }
  let cursor = '0'
  do {
    const command = ['SCAN', cursor, 'MATCH', scope.match, 'COUNT', SCAN_COUNT]
    const [next, found] = await connection.ask(isNext, ...command)
    expectRoom()
    // SCAN may return a name twice.
    const names = new Set(found.filter((name) => !contents.has(name) && scope.wants(name)))
    for (const [name, content] of await readNames(connection, scope, names)) {
      contents.set(name, content)
    }
    cursor = next
  } while (cursor !== '0')
  return contents
}

/** Reads the current values of these names. Throws a FaultError or a ReplyError. */
export async function readNames(
  connection: RedisConnection,
  scope: RedisScope,
  names: ReadonlySet<string>,
): Promise<RedisContents> {
  const contents: RedisContents = new Map()
  const below: string[] = []
  const hashes: string[] = []
  for (const name of names) (scope.above.has(name) ? hashes : below).push(name)
  for (let from = 0; from < below.length; from += BATCH) {
    const batch = below.slice(from, from + BATCH)
    // MGET returns null for missing names, and for values that are not strings.
    const found = await connection.ask(values(batch.length), 'MGET', ...batch)
    const others: string[] = []
    for (const [n, name] of batch.entries()) {
      const value = found[n] ?? null
      if (value === null) others.push(name)
      else contents.set(name, value)
    }
    await readHashes(connection, others, ['WRONGTYPE'], contents)
  }
  // The user may have access below a prefix, but not to hashes above it.
  await readHashes(connection, hashes, ['WRONGTYPE', 'NOPERM'], contents)
  return contents
}

async function readHashes(
  connection: RedisConnection,
  names: readonly string[],
  tolerated: readonly string[],
  contents: RedisContents,
): Promise<void> {
  const read = async (name: string): Promise<void> => {
    try {
      const found = await connection.ask(textFields, 'HGETALL', name)
      contents.set(name, found.size > 0 ? found : null)
    } catch (error) {
      if (!(error instanceof ReplyError) || !tolerated.includes(error.code)) throw error
      contents.set(name, null)
    }
  }
  await Promise.all(names.map(read))
}
