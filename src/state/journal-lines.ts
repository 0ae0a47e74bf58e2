// The lines of the owed journal: from text and to text. Pure; the file itself is in journal.ts.

export interface OwedReload {
  /** The resource's name, such as `haproxy.toml`. */
  readonly resource: string
  /** When it became due, in milliseconds since 1970. */
  readonly since: number
  /** How often it was tried in vain. */
  readonly attempts: number
  /** The reload commands, with their paths put in. */
  readonly commands: readonly string[]
}

/** What is owed by a resource, and the ids that stand for it in the file. */
export interface Entry {
  readonly owed: OwedReload
  readonly ids: readonly string[]
}

export interface Parsed {
  readonly entries: Map<string, Entry>
  readonly unreadable: number
}

/** What is still owed after all lines, and how many lines could not be read. */
export function parse(text: string): Parsed {
  const byId = new Map<string, OwedReload>()
  let unreadable = 0
  const lines = text.split('\n')
  for (const [n, line] of lines.entries()) {
    if (line === '') continue
    const record = parseLine(line)
    if (record === undefined) {
      // The last line may be torn: it was never acknowledged, so nothing was done on its account.
      if (n < lines.length - 1) unreadable++
    } else if ('settle' in record) {
      for (const id of record.settle) byId.delete(id)
    } else {
      byId.delete(record.owe.id) // the newest line comes last
      byId.set(record.owe.id, record.owe)
    }
  }
  const entries = new Map<string, Entry>()
  for (const [id, { resource, since, attempts, commands }] of byId) {
    const ids = [...(entries.get(resource)?.ids ?? []), id]
    entries.set(resource, { owed: { resource, since, attempts, commands }, ids })
  }
  return { entries, unreadable }
}

type Line = { readonly owe: OwedReload & { readonly id: string } } | { readonly settle: string[] }

function parseLine(line: string): Line | undefined {
  try {
    const { owe, settle } = JSON.parse(line) as { owe?: Record<string, unknown>; settle?: unknown }
    if (isTexts(settle)) return { settle }
    if (typeof owe !== 'object') return undefined
    const { id, resource, since, attempts, commands } = owe
    if (typeof id !== 'string' || typeof resource !== 'string' || !isTexts(commands)) return
    if (typeof since !== 'number' || typeof attempts !== 'number') return
    return { owe: { id, resource, since, attempts, commands } }
  } catch {
    return undefined
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string')

export const oweLine = (id: string, owed: OwedReload): string =>
  JSON.stringify({ owe: { id, ...owed } })

export const settleLine = (ids: readonly string[]): string => JSON.stringify({ settle: ids })
