// The examples of the functions are also their tests, in both languages. The docs are generated from the examples.
import { describe, expect, it } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import { Reader } from '../../src/core/reader.ts'
import { Facts, PendingFact } from '../../src/templates/context.ts'
import type { Example } from '../../src/templates/functions/define.ts'
import { dataset, files, functions } from '../../src/templates/functions/index.ts'
import { createEngine as createGo } from '../../src/templates/go/engine.ts'
import { createEngine as createNunjucks } from '../../src/templates/nunjucks/engine.ts'
import { templatesPage } from './docs.ts'
import { scopeFor, treeFrom, Workshop } from './helper.ts'
import { languageExamples } from './language-examples.ts'

const workshop = new Workshop()
for (const [name, text] of Object.entries(files)) workshop.write(name, text)
const engines = { nunjucks: createNunjucks(workshop.folder), go: createGo(workshop.folder) }
const now = new Date('2024-02-29T13:07:09.045Z')

/** Returns the output of a template that consists of one expression, or its fault. */
async function evaluate(language: 'nunjucks' | 'go', text: string, keys = dataset) {
  const name = `example.${language}`
  workshop.write(name, text)
  const engine = engines[language]
  engine.forget(`${workshop.folder}/${name}`)
  const reader = new Reader(treeFrom(keys), { ...scopeFor(), store: 'file' })
  const facts = new Facts()
  for (;;) {
    try {
      const fact = facts.get.bind(facts)
      const bytes = engine.render(workshop.spec(name), { reader, now: () => now, fact })
      return Buffer.from(bytes).toString()
    } catch (error) {
      if (error instanceof PendingFact) await facts.resolve(error)
      else if (error instanceof FaultError) return error
      else throw error
    }
  }
}

function compare(outcome: string | FaultError, { shows, result }: Example, error?: string): void {
  if (error !== undefined) {
    expect(outcome).toBeInstanceOf(FaultError)
    expect((outcome as FaultError).message).toContain(error)
    return
  }
  if (outcome instanceof FaultError) throw outcome
  if (shows === undefined) expect(JSON.parse(outcome)).toEqual(result)
}

async function check(example: Example): Promise<void> {
  const { nunjucks, go, error, goError = error, keys } = example
  if (nunjucks !== undefined) {
    const outcome = await evaluate('nunjucks', `{{ toJson(${nunjucks}) }}`, keys)
    compare(outcome, example, error)
  }
  if (go !== undefined) {
    compare(await evaluate('go', `{{ toJson (${go}) }}`, keys), example, goError)
  }
}

const titled = (examples: readonly Example[]): [string, Example][] =>
  examples.map((example) => [example.nunjucks ?? example.go ?? '', example])

describe.each(functions.map((fn) => [fn.name, fn] as const))('%s', (_, fn) => {
  it.each(titled(fn.examples))('%s', async (_title, example) => check(example))

  it('has examples in both languages', () => {
    const languages = fn.only === undefined ? (['nunjucks', 'go'] as const) : [fn.only]
    for (const language of languages) {
      expect(fn.examples.filter((example) => example[language] !== undefined)).not.toEqual([])
    }
  })
})

describe("Go's own functions", () => {
  it.each(titled(languageExamples))('%s', async (_title, example) => check(example))
})

it('has every function that confd has, and those of services', () => {
  const wanted =
    'get getv gets getvs exists ls lsdir base dir getenv json jsonArray split join replace contains toUpper toLower trimPrefix trimSuffix base64Encode base64Decode parseBool atoi seq add sub mul div mod reverse sortByLength sortKVByLength map hostname datetime fileExists lookupIP lookupIPV4 lookupIPV6 lookupSRV lookupIfaceIPV4 lookupIfaceIPV6 range ' +
    'include dict list hasKey keys values append pluck default ternary coalesce empty toJson fromJson toPrettyJson indent nindent quote squote regexMatch regexFind regexReplaceAll repeat nospace snakecase camelcase kebabcase sha256sum shellquote ' +
    'printf md5sum hmacSHA256 trim trunc title fail explode byTag byMeta byKey mergeMap has in uniq first last slice sortBy sortNatural toYaml toToml ' +
    'service services nodes node query datacenters'
  expect(functions.map((fn) => fn.name).sort()).toEqual(wanted.split(' ').sort())
})

it('docs/templates.md is up to date (vitest run test/templates -u writes it)', async () => {
  await expect(templatesPage()).toMatchFileSnapshot('../../docs/templates.md')
})
