// A run loads only the engines that its templates need. In Node, the coverage report names every loaded script. Bun has
// no such report, so a script lists the loaded modules.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { removeDir, tempDir } from '../support/process.ts'
import { Running } from './support.ts'

const folder = tempDir('engines')
afterAll(() => removeDir(folder))

/** For each engine, a string that occurs only in its code. */
const MARKS = { go: 'executing ', nunjucks: 'unknown block tag' }

/** Returns the engines that a onetime run of one template has loaded. */
async function enginesFor(name: string, template: string): Promise<string[]> {
  const here = join(folder, name)
  for (const part of ['conf.d', 'templates']) mkdirSync(join(here, part), { recursive: true })
  writeFileSync(join(here, 'templates', name), template)
  writeFileSync(
    join(here, 'conf.d/app.toml'),
    `[template]\nsrc = "${name}"\ndest = "${here}/out"\nkeys = ["/"]\n`,
  )
  writeFileSync(join(here, 'keys.yaml'), 'app: {port: "8080"}\n')
  const run = new Running(
    ['-onetime', '-backend', 'file', '-file', join(here, 'keys.yaml')].concat(
      ['-confdir', here],
      ['-state-dir', join(here, 'state')],
    ),
    { NODE_V8_COVERAGE: join(here, 'coverage'), BUN_OPTIONS: `--preload=${listing(here)}` },
  )
  const { code, stderr } = await run.finished
  expect(code, stderr).toBe(0)
  expect(readFileSync(join(here, 'out'), 'utf8')).toBe('8080')
  const loaded = existsSync(join(here, 'loaded.json'))
    ? (JSON.parse(readFileSync(join(here, 'loaded.json'), 'utf8')) as string[])
    : scripts(join(here, 'coverage')).map((path) => readFileSync(path, 'utf8'))
  expect(loaded).not.toEqual([])
  return Object.entries(MARKS).flatMap(([engine, mark]) =>
    loaded.some((text) => text.includes(mark)) ? [engine] : [],
  )
}

/** Creates a script for Bun, which lacks NODE_V8_COVERAGE. At exit, the script saves the text of all loaded modules. */
function listing(folder: string): string {
  const script = join(folder, 'listing.cjs')
  writeFileSync(
    script,
    `const { readFileSync, writeFileSync } = require('node:fs')
     process.on('exit', () => {
       const modules = Object.keys(require.cache).filter((path) => path !== __filename)
       const texts = modules.map((path) => readFileSync(path, 'utf8'))
       writeFileSync(${JSON.stringify(join(folder, 'loaded.json'))}, JSON.stringify(texts))
     })`,
  )
  return script
}

/** Returns the program's own files from Node's coverage reports. */
function scripts(reports: string): string[] {
  return readdirSync(reports).flatMap((name) => {
    const report = JSON.parse(readFileSync(join(reports, name), 'utf8')) as {
      readonly result: readonly { readonly url: string }[]
    }
    const urls = report.result.map(({ url }) => url).filter((url) => url.startsWith('file:'))
    return urls.map((url) => fileURLToPath(url))
  })
}

test('only nunjucks templates: the Go engine is not loaded', async () => {
  expect(await enginesFor('app.njk', '{{ getv("/app/port") }}')).toEqual(['nunjucks'])
})

test('only Go templates: nunjucks is not loaded', async () => {
  expect(await enginesFor('app.tmpl', '{{getv "/app/port"}}')).toEqual(['go'])
})
