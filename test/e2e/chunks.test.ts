// What a start reads: the files of dist/ that a run loads, by name. A module that moves to another room, or
// an import that is no longer lazy, slows every start; here it shows as a list that differs.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tempDir } from '../support/servers.ts'

const program = join(import.meta.dirname, '../../dist/cli.js')

/** Runs the built program; the names of the files of dist/ that it loads, without their hashes, in order. */
function loadedBy(...args: readonly string[]): string[] {
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
  const urls = readFileSync(list, 'utf8').trim().split('\n')
  return [...new Set(urls.map((one) => basename(one).replace(/(-[\w-]{8})?\.js$/, '')))].sort()
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

describe('the files that a start loads', () => {
  test('-version', () => {
    expect(loadedBy('-version')).toMatchInlineSnapshot(`
      [
        "cli",
        "flags",
      ]
    `)
  })

  test('a onetime run with a nunjucks template', () => {
    expect(loadedBy('-onetime', '-backend', 'env', ...confdir('a.njk'))).toMatchInlineSnapshot(`
      [
        "cli",
        "env",
        "flags",
        "nunjucks",
        "rolldown-runtime",
        "run",
      ]
    `)
  })

  test('a onetime run with a Go template', () => {
    expect(loadedBy('-onetime', '-backend', 'env', ...confdir('a.tmpl'))).toMatchInlineSnapshot(`
      [
        "cli",
        "env",
        "flags",
        "go-templates",
        "rolldown-runtime",
        "run",
      ]
    `)
  })
})
