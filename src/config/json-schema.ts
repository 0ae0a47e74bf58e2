// Generates the JSON Schemas for resource files and confd.toml from the tables that define their keys, for completion
// and validation in editors. `docs/schema/` contains copies.
import { haproxyKeys } from './haproxy.ts'
import { optionNames, optionOf, tomlNames, type Option } from './options.ts'
import { execEnvKeys, execKeys } from './exec.ts'
import {
  guardGroupKeys,
  guardKeys,
  resourceFileKeys,
  templateTableKeys,
  type KeySpec,
} from './schema.ts'
import { SIZE } from './values.ts'

/** JSON Schema draft-07, which the TOML plug-ins of editors support. */
export type JsonSchema = Readonly<Record<string, unknown>>

export const schemaKinds = ['resource', 'confd'] as const
export type SchemaKind = (typeof schemaKinds)[number]

const DRAFT = 'http://json-schema.org/draft-07/schema#'

// Alternatives use type lists instead of `anyOf`, so that an editor reports what is wrong with the given value.

/** Seconds or Go durations, up to the longest delay of a Node timer. */
const durationSchema = (least = 0): JsonSchema => ({
  type: ['number', 'string'],
  ...(least > 0 ? { exclusiveMinimum: 0 } : { minimum: 0 }),
  maximum: (2 ** 31 - 1) / 1000,
  pattern: '^(\\d+(\\.\\d+)?|((\\d+\\.?\\d*|\\.\\d+)(ns|us|µs|μs|ms|s|m|h))+)$',
})
const MODE: JsonSchema = { type: 'string', pattern: '^((0o)?[0-7]{3,5})?$' }
const LIMIT: JsonSchema = {
  type: ['integer', 'string'],
  minimum: 0,
  pattern: '^(100|\\d{1,2})%$',
}
const SIZE_SCHEMA: JsonSchema = {
  type: ['integer', 'string'],
  minimum: 1024,
  maximum: 1e12 - 1,
  pattern: SIZE.source,
}
const STRINGS: JsonSchema = { type: 'array', items: { type: 'string' } }

const jsonSchema = (kind: SchemaKind): JsonSchema =>
  kind === 'resource' ? resourceSchema() : confdSchema()

function resourceSchema(): JsonSchema {
  const template = {
    ...tableSchema(templateTableKeys),
    description: 'A template and its destination.',
  }
  return {
    $schema: DRAFT,
    title: 'A resource of reconfd: a file of conf.d',
    ...tableSchema(resourceFileKeys, {
      backend: {
        ...storeSchema,
        description: 'The store of this resource, instead of the default store.',
      },
      template: { ...template, type: ['object', 'array'], minItems: 1, items: template },
    }),
    required: ['template'],
  }
}

function tableSchema(
  keys: Readonly<Record<string, KeySpec>>,
  more: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  const specs = Object.entries(keys)
  const required = specs.filter(([, { required: needed }]) => needed === true).map(([key]) => key)
  return {
    type: 'object',
    properties: {
      ...Object.fromEntries(
        specs.flatMap(([key, spec]) => {
          const schema = { ...keySchema(key, spec), description: spec.doc }
          return [key, ...(spec.aliases ?? [])].map((name) => [name, schema])
        }),
      ),
      ...more,
    },
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  }
}

function keySchema(key: string, spec: KeySpec): JsonSchema {
  switch (spec.type) {
    case 'string':
      return spec.required === true ? { type: 'string', minLength: 1 } : { type: 'string' }
    case 'delimiter':
      return { type: 'string', minLength: 1 }
    case 'strings':
      return STRINGS
    case 'words':
      return { type: ['string', 'array'], items: { type: 'string' } }
    case 'one or more':
      return { ...STRINGS, type: ['string', 'array'], minItems: 1, minLength: 1 }
    case 'id':
      return { type: 'integer', minimum: -1, maximum: 2 ** 32 - 2 }
    case 'boolean':
      return { type: 'boolean' }
    case 'mode':
      return MODE
    case 'duration':
      return durationSchema(spec.least)
    case 'count':
      return { type: 'integer', minimum: spec.least ?? 0 }
    case 'limit':
      return LIMIT
    case 'choice':
      return { enum: ['', ...(spec.choices ?? []), ...Object.keys(spec.synonyms ?? {})] }
    case 'tables':
      return { type: 'array', items: tableSchema(guardGroupKeys) }
    case 'table':
      if (key === 'env') return tableSchema(execEnvKeys)
      return tableSchema(key === 'guard' ? guardKeys : haproxyKeys)
  }
}

function confdSchema(): JsonSchema {
  const exec = { ...tableSchema(execKeys), description: 'The program that reconfd starts.' }
  const stores = {
    type: 'object',
    propertyNames: { pattern: '^[A-Za-z0-9_.-]+$' },
    additionalProperties: storeSchema,
    description: 'Stores in addition to the default store, by name: [stores.NAME].',
  }
  return {
    $schema: DRAFT,
    title: 'The settings of reconfd: confd.toml',
    type: 'object',
    properties: { ...entriesOf(() => true), stores, exec },
    additionalProperties: false,
  }
}

/** The entries of confd.toml in all spellings. */
function entriesOf(wanted: (option: Option) => boolean): Readonly<Record<string, JsonSchema>> {
  const entries = optionNames.flatMap((name) => {
    const option = optionOf(name)
    const schema = { ...optionSchema(option), description: option.help }
    return wanted(option) ? tomlNames(name).map((entry) => [entry, schema] as const) : []
  })
  return Object.fromEntries(entries)
}

/** The schema of `[stores.NAME]` and `[backend]`. */
const storeSchema: JsonSchema = {
  type: 'object',
  properties: entriesOf(({ group }) => group === 'Store'),
  anyOf: [{ required: ['backend'] }, { required: ['file'] }, { required: ['files'] }],
  additionalProperties: false,
}

function optionSchema({ type, least, choices = [], synonyms = {} }: Option): JsonSchema {
  switch (type) {
    case 'boolean':
      return { type: 'boolean' }
    case 'list':
      return STRINGS
    case 'duration':
      return durationSchema(least)
    case 'size':
      return SIZE_SCHEMA
    case 'choice':
      return { enum: [...choices, ...Object.keys(synonyms)] }
    default:
      return { type: 'string' }
  }
}

/** The schema as formatted text. */
export const schemaText = (kind: SchemaKind): string =>
  `${JSON.stringify(jsonSchema(kind), null, 2)}\n`
