// Cases for the built program. The folder of a case contains the input and the expected files or error message.
// `reconfd test` runs the cases as it runs a user's own tests, and docs/ci.md describes their format. The folders of
// examples/ are cases, too. HAProxy and nginx check the expected files that are meant for them.
import { cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { programWith } from '../support/program.ts'
import { removeDir, serverBinary, tempDir } from '../support/servers.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))

/** Examples that consist of several running programs. Each has its own test. */
const SYSTEMS = new Set(['whole-way'])

const foldersIn = async (folder: string): Promise<string[]> =>
  (await readdir(join(top, folder), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && !SYSTEMS.has(entry.name))
    .map(({ name }) => name)

describe.each(['test/cases', 'examples'])('%s', async (folder) => {
  /** Maps the name of a case to the output of `reconfd test` for that case, which begins with the verdict. */
  const results = new Map<string, string>()
  beforeAll(async () => {
    const { stdout } = await execa(...programWith('test', join(top, folder)), { reject: false })
    let name = ''
    for (const line of stdout.split('\n')) {
      const [, verdict, next] = /^(ok|FAILED) +(\S+) /.exec(line) ?? []
      if (next !== undefined) name = next
      results.set(name, `${results.get(name) ?? ''}${verdict ?? line}\n`)
    }
  }, 240_000)

  test.each(await foldersIn(folder))('%s', (name) => {
    expect(results.get(name)?.trimEnd()).toMatch(/^ok/)
  })
})

test('every example has expected files', async () => {
  for (const name of await foldersIn('examples')) {
    expect(await readdir(join(top, 'examples', name, 'expected')), name).not.toEqual([])
  }
})

/**
 * Calls `use` with a new working folder and with `run`, which runs the program there on the configuration in `folder`.
 */
async function runIn(
  folder: string,
  use: (work: string, run: (...args: string[]) => Promise<string>) => Promise<void>,
): Promise<void> {
  const own = tempDir('case')
  const work = join(own, 'work')
  const before = join(top, folder, 'before')
  try {
    await mkdir(work)
    if (existsSync(before)) await cp(before, work, { recursive: true })
    const fixed = ['-onetime', '-backend', 'file', '-file', join(top, folder, 'keys.yaml')]
    const places = ['-confdir', join(top, folder), '-state-dir', join(own, 'state')]
    await use(work, async (...args) => {
      const program = programWith(...fixed, ...places, ...args)
      const { exitCode, all } = await execa(...program, { cwd: work, all: true, reject: false })
      expect(exitCode, all).toBe(0)
      return all
    })
  } finally {
    removeDir(own)
  }
}

/** Runs a server's own check of a configuration, which must succeed. Returns the output. */
async function accepts(server: string, args: readonly string[]): Promise<string> {
  const { path, env } = serverBinary(server)
  const { exitCode, all } = await execa(path, args, { env, all: true, reject: false })
  expect(exitCode, `${basename(path)}: ${all}`).toBe(0)
  return all
}

const acceptedByHaproxy = async (file: string): Promise<void> =>
  expect(await accepts('haproxy', ['-c', '-f', file])).not.toMatch(/warning|alert/i)

describe('the expected files are valid', () => {
  test.each([
    ...['examples/haproxy', 'examples/consul-services', 'examples/registrator', 'examples/skydns'],
    'examples/haproxy-runtime',
    'examples/two-datacenters',
    ...['test/cases/go-haproxy', 'test/cases/go-books'],
  ])('HAProxy accepts %s without a warning', (folder) =>
    acceptedByHaproxy(join(top, folder, 'expected/haproxy.cfg')),
  )

  test.each(['examples/nginx', 'test/cases/go-nginx'])('nginx accepts %s', async (folder) => {
    const own = tempDir('nginx')
    try {
      await cp(join(top, folder, 'expected'), own, { recursive: true })
      await accepts('nginx', ['-t', '-p', own, '-c', join(own, 'nginx.conf')])
    } finally {
      removeDir(own)
    }
  })

  test.each([
    ['test/cases/go-json/expected/app.json', JSON.parse],
    ['test/cases/go-prometheus/expected/targets.json', JSON.parse],
    ['test/cases/go-yaml/expected/app.yaml', (text: string): unknown => parseYaml(text)],
  ])('%s can be parsed', async (file, parse) => {
    expect(parse(await readFile(join(top, file), 'utf8'))).toBeInstanceOf(Object)
  })
})

test('the sample at the top level renders its keys into haproxy.cfg, and nothing else', () =>
  runIn('.', async (work, run) => {
    await run()
    expect(await readdir(work)).toEqual(['haproxy.cfg'])
    const made = join(work, 'haproxy.cfg')
    expect(await readFile(made, 'utf8')).toContain('server node-3 127.0.0.1:9003 check')
    await acceptedByHaproxy(made)
  }))

test('a second run changes nothing and reloads nothing', () =>
  runIn('examples/haproxy', async (_work, run) => {
    await run()
    expect(await run('-detailed-exitcode')).not.toContain('reloaded')
  }))

test('a file keeps its mode, a new one gets 0644, and mode = sets it', () =>
  runIn('test/cases/mode', async (work, run) => {
    await run()
    const mode = async (name: string): Promise<string> =>
      ((await stat(join(work, name))).mode & 0o7777).toString(8)
    expect(await mode('secret.conf')).toBe('600')
    expect(await mode('plain.conf')).toBe('644')
  }))

test('a folder that may not be written is a fault', async () => {
  const folder = tempDir('case')
  try {
    // Not even root can create a file in /proc, so the result is the same for every user who runs the tests.
    await mkdir(join(folder, 'conf.d'))
    await mkdir(join(folder, 'templates'))
    await writeFile(join(folder, 'templates/a.njk'), 'x\n')
    const toml = '[template]\nsrc = "a.njk"\ndest = "/proc/reconfd-test.conf"\n'
    await writeFile(join(folder, 'conf.d/a.toml'), toml)
    await writeFile(join(folder, 'keys.yaml'), '{}')
    const { exitCode, all } = await execa(
      ...programWith(
        ...['-onetime', '-backend', 'file', '-file', join(folder, 'keys.yaml')],
        ...['-confdir', folder, '-state-dir', join(folder, 'state')],
      ),
      { all: true, reject: false },
    )
    expect(exitCode, all).toBe(1)
    expect(all).toContain('/proc/reconfd-test.conf')
  } finally {
    removeDir(folder)
  }
})
