// Renders equivalent templates of both engines over 10,000 pairs, alternately in one process, and prints the figures as
// JSON: `node bench/go-templates.mjs`. Bundles the modules that it needs instead of using dist/.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { rolldown } from 'rolldown'
import { median } from './lab.mjs'

const TEMPLATES = {
  'app.njk':
    '{% for p in gets("/services/*") %}\nserver {{ base(p.key) }} {{ p.value }} check inter 2000\n{% endfor %}\n',
  'app.tmpl':
    '{{range gets "/services/*"}}server {{base .Key}} {{.Value}} check inter 2000\n{{end}}',
}
const ROUNDS = 30

const folder = mkdtempSync(join(tmpdir(), 'reconfd-bench-'))
try {
  console.log(JSON.stringify(await measure(await load())))
} finally {
  rmSync(folder, { recursive: true })
}

/** Bundles and imports the renderer and the tree of the program. */
async function load() {
  const outfile = join(folder, 'templates.mjs')
  const src = join(import.meta.dirname, '../src')
  const entry = join(folder, 'entry.ts')
  writeFileSync(
    entry,
    `export { createRenderer } from '${src}/templates/render.ts'\nexport { treeOf } from '${src}/core/tree.ts'\n`,
  )
  const bundle = await rolldown({ input: entry, platform: 'node', logLevel: 'silent' })
  await bundle.write({ file: outfile, format: 'esm', codeSplitting: false })
  return import(pathToFileURL(outfile).href)
}

async function measure({ createRenderer, treeOf }) {
  for (const [name, text] of Object.entries(TEMPLATES)) writeFileSync(join(folder, name), text)
  const renderer = createRenderer(folder)
  const tree = treeOf(
    new Map(
      Array.from({ length: 10_000 }, (_, n) => [
        `/services/node-${String(n).padStart(5, '0')}`,
        `10.0.${n >> 8}.${n & 255}:8080`,
      ]),
    ),
  )
  const scope = { store: 'file', prefix: '/', keys: ['/'] }
  const render = async (name) => {
    const spec = { src: join(folder, name), trimBlocks: true, lstripBlocks: true }
    const begin = process.hrtime.bigint()
    const { ok, value, error } = await renderer.render(spec, tree, scope)
    const time = Number(process.hrtime.bigint() - begin) / 1e6
    if (!ok) throw new Error(error.fault.message)
    return { time, bytes: Buffer.from(value.bytes) }
  }
  const times = { 'app.njk': [], 'app.tmpl': [] }
  let same = true
  let size = 0
  for (let round = -10; round < ROUNDS; round++) {
    const made = []
    for (const name of Object.keys(times)) {
      const { time, bytes } = await render(name)
      made.push(bytes)
      if (round >= 0) times[name].push(time)
    }
    same &&= made[0].equals(made[1])
    size = made[0].length
  }
  return { nunjucks: median(times['app.njk']), go: median(times['app.tmpl']), same, size }
}
