// Parses and formats the lines of the journal of owed reloads. This code is pure; journal.ts reads and writes the file.

/** A reload that is owed: it has not succeeded yet. */
export interface Owed {
  /** The resource's name, such as `haproxy.toml`. */
  readonly resource: string
  /** When the reload became owed, in milliseconds since the Unix epoch. */
  readonly since: number
  /** The reload commands with their placeholders filled in; empty if only a placement is recorded. */
  readonly commands: readonly string[]
}

/** The newest debt of a resource, and the ids of all unsettled lines of that resource in the file. */
export interface JournalEntry extends Owed {
  readonly ids: readonly string[]
}

export interface ParsedJournal {
  readonly entries: Map<string, JournalEntry>
  /** Describes the damage; absent if the text has lines and all of them are valid. */
  readonly damage?: string
}

/** The first line of the file. A file without this line was truncated, or is from version 0.1. */
export const HEADER = '{"journal":1}'

/** Replays all lines and returns the debts that are not settled. */
export function parseJournal(text: string): ParsedJournal {
  const byId = new Map<string, Owed>()
  let unreadable = 0
  const lines = text.split('\n').filter((line) => line !== '')
  for (const line of lines) {
    const record = parseLine(line)
    if (record === undefined) unreadable++
    else if (record.kind === 'settle') for (const id of record.ids) byId.delete(id)
    else if (record.kind === 'owe') {
      byId.delete(record.id) // the newest line comes last
      byId.set(record.id, record.owed)
    }
  }
  const entries = new Map<string, JournalEntry>()
  for (const [id, owed] of byId) {
    const ids = [...(entries.get(owed.resource)?.ids ?? []), id]
    entries.set(owed.resource, { ...owed, ids })
  }
  if (lines.length === 0) return { entries, damage: 'it is empty' }
  if (unreadable === 0) return { entries }
  return { entries, damage: `${unreadable} of ${lines.length} lines cannot be read` }
}

/** Returns the lines of the debts that are not settled in this text. */
export const unsettledLines = (text: string): string[] =>
  [...parseJournal(text).entries.values()].flatMap((owed) =>
    owed.ids.map((id) => oweLine(id, owed)),
  )

type Line =
  | { readonly kind: 'header' }
  | { readonly kind: 'owe'; readonly id: string; readonly owed: Owed }
  | { readonly kind: 'settle'; readonly ids: readonly string[] }

function parseLine(line: string): Line | undefined {
  try {
    const { journal, owe, settle } = JSON.parse(line) as Record<string, unknown>
    if (journal === 1) return { kind: 'header' }
    if (isTexts(settle)) return { kind: 'settle', ids: settle }
    if (typeof owe !== 'object' || owe === null) return undefined
    const { id, resource, since, commands } = owe as Record<string, unknown>
    if (typeof id !== 'string' || typeof resource !== 'string') return undefined
    if (typeof since !== 'number' || !isTexts(commands)) return undefined
    return { kind: 'owe', id, owed: { resource, since, commands } }
  } catch {
    return undefined
  }
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((text) => typeof text === 'string')

export const oweLine = (id: string, { resource, since, commands }: Owed): string =>
  JSON.stringify({ owe: { id, resource, since, commands } })

export const settleLine = (ids: readonly string[]): string => JSON.stringify({ settle: ids })
