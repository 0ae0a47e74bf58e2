// Tests the names and the total size of the files in dist/program/ that a start loads. Every start becomes slower if an
// import is no longer lazy, or if a module moves to another file of the bundle. Either one changes the list of names or
// makes the total size exceed its limit.
import { spawnSync } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tempDir } from '../support/servers.ts'

const program = join(import.meta.dirname, '../../dist/cli.js')

interface Loaded {
  /** File names without their hash and extension, sorted. */
  readonly names: readonly string[]
  readonly bytes: number
}

/** Runs the built program and returns the files of dist/program/ that it loads. */
function loadedBy(...args: readonly string[]): Loaded {
  const list = join(tempDir('chunks'), 'loaded')
  writeFileSync(list, '')
  const hook = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const { readFileSync, appendFileSync } = fs
    fs.readFileSync = (path, ...options) => {
      if (String(path).includes('/dist/program/'))
        appendFileSync(${JSON.stringify(list)}, path + '\\n')
      return readFileSync(path, ...options)
    }
    syncBuiltinESMExports()`
  const url = `data:text/javascript,${encodeURIComponent(hook)}`
  const run = spawnSync(process.execPath, ['--import', url, program, ...args], { encoding: 'utf8' })
  expect(run.stderr).not.toContain('bug')
  const paths = readFileSync(list, 'utf8').trim().split('\n')
  return {
    names: paths.map((path) => basename(path).replace(/(-[\w-]{8})?\.cjs$/, '')).sort(),
    bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0),
  }
}

/** Creates a confdir with one resource. */
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
    ['-version', ['-version'], ['cli', 'flags', 'rolldown-runtime'], 93_000],
    [
      'a onetime run with a nunjucks template',
      ['-onetime', '-backend', 'env', ...confdir('a.njk')],
      [...ALWAYS, 'env', 'nunjucks'],
      790_000,
    ],
    [
      'a onetime run with a Go template',
      ['-onetime', '-backend', 'env', ...confdir('a.tmpl')],
      [...ALWAYS, 'env', 'go-templates'],
      735_000,
    ],
    // The store does not answer, so no template engine is loaded.
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
      704_000,
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
      704_000,
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
      704_000,
    ],
  ])('%s', (_, args, names, most) => {
    const loaded = loadedBy(...args)
    expect(loaded.names).toEqual([...names].sort())
    expect(loaded.bytes).toBeLessThan(most)
  })
})
