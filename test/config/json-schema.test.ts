// docs/schema contains the JSON Schemas, which are generated from the tables of keys. `UPDATE_DOCS=1 npx vitest run
// test/config/json-schema.test.ts` regenerates them. The schemas must accept and refuse the same values as the
// tables.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { parse } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import type { Fault } from '../../src/core/fault.ts'
import { readEntry } from '../../src/config/entries.ts'
import { schemaKinds, schemaText, type SchemaKind } from '../../src/config/json-schema.ts'
import { optionNames, optionOf, tomlNames } from '../../src/config/options.ts'
import { templateTableKeys } from '../../src/config/schema.ts'
import { haproxyKeys } from '../../src/config/haproxy.ts'
import { readTable } from '../../src/config/table.ts'
import { parseTomlDocument } from '../../src/config/toml.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))

const options = { allErrors: true, allowUnionTypes: true }

function validator(kind: SchemaKind): (data: unknown) => boolean {
  const accepts = new Ajv(options).compile(JSON.parse(schemaText(kind)) as object)
  return (data) => accepts(data)
}

describe.each(schemaKinds)('the schema of %s', (kind) => {
  test('is the one in docs/schema', async () => {
    const file = join(top, 'docs/schema', `${kind}.json`)
    if (process.env['UPDATE_DOCS'] === '1') {
      await mkdir(join(top, 'docs/schema'), { recursive: true })
      await writeFile(file, schemaText(kind))
    }
    expect(await readFile(file, 'utf8')).toBe(schemaText(kind))
  })
})

const samples: readonly unknown[] = [
  '',
  'text',
  'retry',
  'json',
  'etcd',
  '0644',
  '0999',
  '10s',
  '1m30s',
  '.5s',
  '10 s',
  '50%',
  '101%',
  0,
  1,
  -1,
  -2,
  1.5,
  2 ** 32,
  true,
  [],
  ['/a'],
  [1],
  {},
]

test('a template key accepts what the table accepts', () => {
  const accepts = validator('resource')
  const good = parseTomlDocument('a.toml', '')
  if (!good.ok) throw new Error('an empty file is TOML')
  const document = good.value
  const base = { src: 'a.njk', dest: '/a' }
  const differing = Object.keys(templateTableKeys).flatMap((key) =>
    samples.flatMap((value) => {
      const faults: Fault[] = []
      const table = { ...base, [key]: value }
      readTable(document, ['template'], table, templateTableKeys, faults)
      if (key === 'haproxy' && faults.length === 0)
        readTable(
          document,
          ['template', key],
          value as Readonly<Record<string, unknown>>,
          haproxyKeys,
          faults,
        )
      const same = accepts({ template: table }) === (faults.length === 0)
      return same ? [] : [`${key} = ${JSON.stringify(value)}: ${faults[0]?.message ?? 'good'}`]
    }),
  )
  expect(differing).toEqual([])
})

test('an entry of confd.toml accepts what the table accepts', () => {
  const accepts = validator('confd')
  const differing = optionNames.flatMap((name) =>
    tomlNames(name).flatMap((entry) =>
      samples.flatMap((value) => {
        const option = optionOf(name)
        const read = readEntry(option, entry, value)
        if (option.type === 'address') return []
        return accepts({ [entry]: value }) === read.ok
          ? []
          : [`${entry} = ${JSON.stringify(value)}`]
      }),
    ),
  )
  expect(differing).toEqual([])
})

test.each([
  [{}, false],
  [{ template: { src: 'a', dest: '/a' } }, true],
  [{ template: [{ src: 'a', dest: '/a' }] }, true],
  [{ template: [] }, false],
  [{ template: { src: 'a', dest: '/a', modes: '0644' } }, false],
  [{ template: { src: 'a', dest: '/a' }, groups: 'x' }, false],
  [{ group: 'x', template: { src: 'a', dest: '/a', guard: { min_keys: 1 } } }, true],
  [{ template: { src: 'a', dest: '/a', guard: { min_keys: 'x' } } }, false],
  [{ backend: { backend: 'consul' }, template: { src: 'a', dest: '/a' } }, true],
  [{ backend: { noop: true, backend: 'consul' }, template: { src: 'a', dest: '/a' } }, false],
])('a resource %j: %s', (data, good) => {
  expect(validator('resource')(data)).toBe(good)
})

test.each([
  [{}, true],
  [{ backend: 'etcd', nodes: ['127.0.0.1:2379'], interval: 10, 'log-level': 'debug' }, true],
  [{ stores: { east: { backend: 'consul', node: ['10.0.0.1:8500'] } } }, true],
  [{ stores: { east: { node: ['10.0.0.1:8500'] } } }, false],
  [{ stores: { 'a b': { backend: 'consul' } } }, false],
  [{ nodez: [] }, false],
])('confd.toml %j: %s', (data, good) => {
  expect(validator('confd')(data)).toBe(good)
})

test('every resource of the examples is accepted', async () => {
  const accepts = validator('resource')
  for (const example of await readdir(join(top, 'examples'))) {
    const folder = join(top, 'examples', example, 'conf.d')
    for (const name of existsSync(folder) ? await readdir(folder) : []) {
      const data = parse(await readFile(join(folder, name), 'utf8'))
      expect([name, accepts(data)]).toEqual([name, true])
    }
  }
})

test.each<[data: object, place: string, message: string]>([
  [
    { template: { src: 'a', dest: '/a', kys: [] } },
    '/template',
    'must NOT have additional properties',
  ],
  [{ template: [{ src: 'a' }] }, '/template/0', "must have required property 'dest'"],
  [
    { template: { src: 'a', dest: '/a', guard: { max_removed: '150%' } } },
    '/template/guard/max_removed',
    'must match pattern',
  ],
  [{ splay: -1, template: { src: 'a', dest: '/a' } }, '/splay', 'must be >= 0'],
  [{ splay: '5 s', template: { src: 'a', dest: '/a' } }, '/splay', 'must match pattern'],
])('in %j, only the wrong part is underlined', (data, place, message) => {
  const check = new Ajv(options).compile(JSON.parse(schemaText('resource')) as object)
  check(data)
  expect(check.errors).toMatchObject([
    { instancePath: place, message: expect.stringContaining(message) as string },
  ])
})
