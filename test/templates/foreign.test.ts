// Functions of other programs: the suggested replacements exist, and the page on consul-template has the same table.
// `UPDATE_DOCS=1 npx vitest run test/templates/foreign.test.ts` regenerates the table.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import nunjucks from 'nunjucks'
import { describe, expect, it } from 'vitest'
import { consulTemplate } from '../../src/templates/foreign/consul-template.ts'
import type { Foreign } from '../../src/templates/foreign/foreign.ts'
import { forks, jinja, remco, sprig } from '../../src/templates/foreign/others.ts'
import { functions } from '../../src/templates/functions/index.ts'
import { functionNames } from '../../src/templates/go/functions/table.ts'

const all = [...consulTemplate, ...forks, ...sprig, ...jinja, ...remco]
const ours = new Set(functions.filter(({ only }) => only !== 'go').map(({ name }) => name))
const environment = new nunjucks.Environment(null) as unknown as { filters: object }
const words = new Set([...ours, ...Object.keys(environment.filters)])

describe.each(all.map((one) => [one.name, one] as const))('%s', (name, foreign) => {
  it('is not one of our functions under that name', () => {
    if (foreign.go !== undefined || foreign.note !== undefined) {
      expect(jinja.includes(foreign) || !functionNames.has(name)).toBe(true)
    }
    if (foreign.nunjucks !== undefined) expect(ours.has(name)).toBe(false)
  })

  it('has a replacement that exists', () => {
    const called = (text = ''): string[] =>
      text.replace(/"[^"]*"/g, '""').match(/(?<![\w$."'/%-])[a-z]\w+(?=[ (]|$)/g) ?? []
    const grammar =
      'if else end range with template or and not as the a for macro levels each level more map of them guard resource in file included change it set endif endfor item value key loop'
    const known = (name: string): boolean => grammar.split(' ').includes(name)
    for (const word of called(foreign.go)) {
      if (!known(word)) expect(functionNames.has(word), word).toBe(true)
    }
    for (const word of called(foreign.nunjucks)) {
      if (!known(word)) expect(words.has(word), word).toBe(true)
    }
    expect(foreign.go ?? foreign.nunjucks ?? foreign.note).toBeDefined()
  })
})

it('docs/migrating-from-consul-template.md has the table', async () => {
  const page = fileURLToPath(
    new URL('../../docs/migrating-from-consul-template.md', import.meta.url),
  )
  const text = await readFile(page, 'utf8')
  const [begin, end] = ['<!-- begin functions -->', '<!-- end functions -->']
  const [before = '', rest = ''] = text.split(begin)
  const after = rest.slice(rest.indexOf(end))
  const wanted = `${before}${begin}\n\n${table(consulTemplate)}\n\n${after}`
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(page, wanted)
  else expect(text).toBe(wanted)
})

const code = (text: string): string => `\`${text.replaceAll('|', '\\|')}\``

function table(rows: readonly Foreign[]): string {
  const lines = rows.map(({ written, go, nunjucks: instead, note = '' }) => {
    const cells = [go, instead].map((text) => (text === undefined ? '' : code(text)))
    return `| ${[code(written), ...cells, note].join(' | ')} |`
  })
  return [
    '| consul-template | reconfd, in Go | reconfd, in nunjucks | Notes |',
    '|---|---|---|---|',
    ...lines,
  ].join('\n')
}
