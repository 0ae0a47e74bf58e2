// Records as templates see them, the same in both languages. Each field has two names: its own, and one with a capital
// letter, as in Go.
import { raise } from '../../core/fault.ts'
import { compareText } from '../../core/key.ts'

/** The type of a field: string, integer, list or map of strings, record, list or map of records. */
export type FieldKind =
  | 'text'
  | 'number'
  | 'texts'
  | 'map'
  | RecordShape
  | readonly [RecordShape]
  | { readonly each: RecordShape }

export interface RecordShape {
  /** The name of the Go type. */
  readonly name: string
  readonly fields: Readonly<Record<string, FieldKind>>
}

/** The capitalized name of a field: `Address` for `address`, and `ID` for `id`. */
export const capital = (field: string): string =>
  field === 'id' ? 'ID' : field.charAt(0).toUpperCase() + field.slice(1)

/** A record. Each field is a property under both of its names. */
export class TemplateRecord {
  /** The fields under their capitalized names, in the order of the shape. */
  readonly #members: readonly (readonly [string, unknown])[]

  constructor(shape: RecordShape, values: Readonly<Record<string, unknown>>) {
    this.#members = Object.keys(shape.fields).map((field) => [capital(field), values[field]])
    for (const [name, value] of this.#members) Object.defineProperty(this, name, { value })
    for (const field of Object.keys(shape.fields)) {
      Object.defineProperty(this, field, { value: values[field], enumerable: true })
    }
  }

  get members(): readonly (readonly [string, unknown])[] {
    return this.#members
  }

  toJSON(): unknown {
    return Object.fromEntries(this.#members)
  }
}

/**
 * Parses the JSON of a record; missing fields are empty or 0. Throws a template fault if the JSON is invalid.
 * @param key the key that contains the JSON, for messages
 */
export function parseRecord(shape: RecordShape, text: string, key: string): TemplateRecord {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The exception is ignored, because its message quotes the text, and metadata may contain secrets.
  }
  return (
    build(shape, value) ??
    raise(
      'template',
      `the value of ${key} is not a ${shape.name} in the format of consul-catalog`,
      {
        hint: 'remove the key, or read it with getv',
      },
    )
  )
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === 'string'

/** Builds a record. Returns undefined if the value does not have the shape. */
function build(shape: RecordShape, value: unknown): TemplateRecord | undefined {
  if (!isObject(value)) return undefined
  const fields: Record<string, unknown> = {}
  for (const [field, kind] of Object.entries(shape.fields)) {
    const made = fieldOf(kind, value[field])
    if (made === undefined) return undefined
    fields[field] = made
  }
  return new TemplateRecord(shape, fields)
}

function fieldOf(kind: FieldKind, value: unknown): unknown {
  switch (kind) {
    case 'text':
      return isText(value ?? '') ? (value ?? '') : undefined
    case 'number':
      return Number.isSafeInteger(value ?? 0) ? (value ?? 0) : undefined
    case 'texts':
      return Array.isArray(value ?? []) && ((value ?? []) as unknown[]).every(isText)
        ? (value ?? [])
        : undefined
    case 'map': {
      const entries = isObject(value ?? {}) ? Object.entries(value ?? {}) : undefined
      if (entries?.every(([, text]) => isText(text)) !== true) return undefined
      entries.sort(([a], [b]) => compareText(a, b))
      return Object.assign(Object.create(null), Object.fromEntries(entries)) as unknown
    }
  }
  if ('name' in kind) return build(kind, value ?? {})
  if ('each' in kind) return recordsByName(kind.each, value ?? {})
  if (!Array.isArray(value ?? [])) return undefined
  const items = ((value ?? []) as unknown[]).map((item) => build(kind[0], item))
  return items.includes(undefined) ? undefined : items
}

function recordsByName(shape: RecordShape, value: unknown): unknown {
  if (!isObject(value)) return undefined
  const made = Object.create(null) as Record<string, TemplateRecord>
  for (const name of Object.keys(value).sort(compareText)) {
    const entry = build(shape, value[name])
    if (entry === undefined) return undefined
    made[name] = entry
  }
  return made
}
