// The function include in nunjucks returns the output of a file as a value. The file sees only the data that the call
// passes, and no variables of the including file.
import { expect, it } from 'vitest'
import { Workshop } from './helper.ts'

const workshop = new Workshop()
const keys = { '/app/port': '80' }
let count = 0

async function render(text: string) {
  const name = `t${count++}.njk`
  workshop.write(name, text)
  return workshop.render(name, keys)
}

it('returns a text, rendered with its own data', async () => {
  workshop.write('deep/part.njk', '{{ data.port }} {{ port }} {{ getv("/app/port") }}')
  const { text } = await render('[{{ include("deep/part.njk", {port: 8080}) | upper }}]')
  expect(text).toBe('[8080 8080 80]')
})

it('takes any data, and none', async () => {
  workshop.write('any.njk', '<{{ data | default("none", true) }}>')
  const { text } = await render('{{ include("any.njk", 5) }}{{ include("/any.njk") }}')
  expect(text).toBe('<5><none>')
})

it('does not see the variables of the including file', async () => {
  workshop.write('blind.njk', '{{ mine is defined }}')
  expect((await render('{% set mine = 1 %}{{ include("blind.njk") }}')).text).toBe('false')
})

it('records the file, so that its change is seen', async () => {
  workshop.write('seen.njk', 'a')
  const { reads } = await render('{{ include("seen.njk") }}')
  expect([...reads.files]).toContain(`${workshop.folder}/seen.njk`)
  workshop.write('seen.njk', 'b')
  workshop.renderer.forget(`${workshop.folder}/seen.njk`)
  expect((await render('{{ include("seen.njk") }}')).text).toBe('b')
})

it('a fault inside has its own place', async () => {
  workshop.write('bad.njk', 'x\n  {{ getv("/missing") }}')
  const { fault } = await render('{{ include("bad.njk") }}')
  expect(fault).toMatchObject({ file: `${workshop.folder}/bad.njk`, line: 2, column: 6 })
})

it('ends: cycles, depth, and the templates folder', async () => {
  workshop.write('loop.njk', '{{ include("loop.njk") }}')
  for (let i = 0; i < 12; i++) workshop.write(`chain${i}.njk`, `{{ include("chain${i + 1}.njk") }}`)
  const messageOf = async (text: string) => (await render(text)).fault?.message
  expect(await messageOf('{{ include("loop.njk") }}')).toContain('include cycle detected')
  expect(await messageOf('{{ include("chain0.njk") }}')).toBe('maximum include depth (10) exceeded')
  expect(await messageOf('{{ include("../x") }}')).toContain('outside of the templates folder')
  expect(await messageOf('{{ include("none") }}')).toBe('template "none" does not exist')
})

it('a look-up that takes time works inside of it', async () => {
  workshop.write('net.njk', '{{ lookupIP("127.0.0.1") }}')
  expect((await render('{{ include("net.njk") }}{{ include("net.njk") }}')).text).toBe(
    '127.0.0.1127.0.0.1',
  )
})
