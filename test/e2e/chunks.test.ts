// What a start reads: the files of dist/ that a run loads, by name, and their bytes. A module that moves to another
// room, or an import that is no longer lazy, slows every start; here it shows as a list that differs, or as too
// many bytes.
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { tempDir } from '../support/servers.ts'

const program = join(import.meta.dirname, '../../dist/cli.js')

interface Loaded {
  /** Without their hashes, in order. */
  readonly names: readonly string[]
  readonly bytes: number
}

/** Runs the built program; the files of dist/ that it loads. */
function loadedBy(...args: readonly string[]): Loaded {
  const dir = tempDir('chunks')
  const [list, hook] = [join(dir, 'loaded'), join(dir, 'hook.mjs')]
  writeFileSync(list, '')
  // The loader runs in a thread of its own: it writes down what it is asked for.
  writeFileSync(
    hook,
    `import { appendFileSync } from 'node:fs'
     export async function load(url, context, next) {
       if (url.includes('/dist/')) appendFileSync(${JSON.stringify(list)}, url + '\\n')
       return next(url, context)
     }`,
  )
  const register = `import { register } from 'node:module'; register(${JSON.stringify(`file://${hook}`)})`
  const url = `data:text/javascript,${encodeURIComponent(register)}`
  const run = spawnSync(process.execPath, ['--import', url, program, ...args], { encoding: 'utf8' })
  expect(run.stderr).not.toContain('bug')
  const urls = [...new Set(readFileSync(list, 'utf8').trim().split('\n'))]
  const names = urls.map((url) => basename(url).replace(/(-[\w-]{8})?\.js$/, '')).sort()
  return {
    names,
    bytes: urls.reduce((sum, url) => sum + statSync(fileURLToPath(url)).size, 0),
  }
}

/** A confdir with one resource. */
function confdir(template: string): readonly string[] {
  const dir = tempDir('chunks-conf')
  for (const name of ['conf.d', 'templates', 'state']) {
    spawnSync('mkdir', ['-p', join(dir, name)])
  }
  writeFileSync(join(dir, 'templates', template), 'x\n')
  const resource = `[template]\nsrc = "${template}"\ndest = "${dir}/out"\nkeys = ["/path"]\n`
  writeFileSync(join(dir, 'conf.d/a.toml'), resource)
  return ['-confdir', dir, '-state-dir', join(dir, 'state')]
}

const ALWAYS = ['cli', 'flags', 'rolldown-runtime', 'run', 'toml']

describe('the files that a start loads', () => {
  test.each<[what: string, args: readonly string[], names: readonly string[], most: number]>([
    ['-version', ['-version'], ['cli', 'flags'], 80_000],
    [
      'a onetime run with a nunjucks template',
      ['-onetime', '-backend', 'env', ...confdir('a.njk')],
      [...ALWAYS, 'env', 'nunjucks'],
      720_000,
    ],
    [
      'a onetime run with a Go template',
      ['-onetime', '-backend', 'env', ...confdir('a.tmpl')],
      [...ALWAYS, 'env', 'go-templates'],
      660_000,
    ],
    // Where nobody answers there is nothing to render.
    [
      'a onetime run on etcd',
      [
        '-onetime',
        '-backend',
        'etcdv3',
        '-node',
        '127.0.0.1:1',
        '-timeout',
        '1s',
        ...confdir('a.tmpl'),
      ],
      [...ALWAYS, 'etcdv3', 'http', 'server'],
      640_000,
    ],
    [
      'a onetime run on Consul',
      [
        '-onetime',
        '-backend',
        'consul',
        '-node',
        '127.0.0.1:1',
        '-timeout',
        '1s',
        ...confdir('a.tmpl'),
      ],
      [...ALWAYS, 'consul', 'consul-index', 'http', 'server'],
      630_000,
    ],
    [
      'a onetime run on Redis',
      [
        '-onetime',
        '-backend',
        'redis',
        '-node',
        '127.0.0.1:1',
        '-timeout',
        '1s',
        ...confdir('a.tmpl'),
      ],
      [...ALWAYS, 'redis', 'server'],
      630_000,
    ],
  ])('%s', (_, args, names, most) => {
    const loaded = loadedBy(...args)
    expect(loaded.names).toEqual([...names].sort())
    expect(loaded.bytes).toBeLessThan(most)
  })
})
