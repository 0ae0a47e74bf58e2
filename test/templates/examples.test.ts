// The examples of the functions are their tests; and the docs are made of them.
import { describe, expect, it } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import { Reader } from '../../src/core/reader.ts'
import { dataset, functions } from '../../src/templates/functions/index.ts'
import { createEngine } from '../../src/templates/nunjucks/engine.ts'
import { Facts, Pending } from '../../src/templates/context.ts'
import { templatesPage } from './docs.ts'
import { scopeFor, treeFrom, Workshop } from './helper.ts'

const workshop = new Workshop()
const engine = createEngine(workshop.folder)
const now = new Date('2024-02-29T13:07:09.045Z')

async function evaluate(expression: string, keys = dataset): Promise<unknown> {
  workshop.write('example.njk', `{{ (${expression}) | dump }}`)
  engine.forget(`${workshop.folder}/example.njk`)
  const reader = new Reader(treeFrom(keys), { ...scopeFor(), store: 'file' })
  const facts = new Facts()
  for (;;) {
    try {
      const spec = workshop.spec('example.njk')
      const context = { reader, now, fact: facts.get.bind(facts) }
      return JSON.parse(engine.render(spec, context))
    } catch (error) {
      if (error instanceof Pending) await facts.resolve(error)
      else if (error instanceof FaultError) return error
      else throw error
    }
  }
}

describe.each(functions.map((fn) => [fn.name, fn] as const))('%s', (_, fn) => {
  it.each(fn.examples)('$expression', async (example) => {
    const outcome = await evaluate(example.expression, example.keys)
    if (example.error !== undefined) expect((outcome as Error).message).toBe(example.error)
    else if (example.shows !== undefined) expect(outcome).not.toBeInstanceOf(FaultError)
    else expect(outcome).toEqual(example.result)
  })
})

it('has every function that confd has', () => {
  const wanted =
    'get getv gets getvs exists ls lsdir base dir getenv json jsonArray split join replace contains toUpper toLower trimPrefix trimSuffix base64Encode base64Decode parseBool atoi seq add sub mul div mod reverse sortByLength sortKVByLength map hostname datetime fileExists lookupIP lookupIPV4 lookupIPV6 lookupSRV lookupIfaceIPV4 lookupIfaceIPV6 range'
  expect(functions.map((fn) => fn.name).sort()).toEqual(wanted.split(' ').sort())
  for (const fn of functions) expect(fn.examples.length, fn.name).toBeGreaterThan(0)
})

it('docs/templates.md is up to date (vitest run test/templates -u writes it)', async () => {
  await expect(templatesPage()).toMatchFileSnapshot('../../docs/templates.md')
})
