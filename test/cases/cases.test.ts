// Cases: a folder in, files or an error text out, through the built program.
//
//   conf.d/ templates/   the configuration folder, copied
//   keys.yaml|json|toml  the keys; without it, `args` says where they are
//   before/              what the working folder holds before the run
//   expected/            what it holds afterwards, together with before/: byte for byte, nothing else
//   expected-error.txt   pieces of text that must appear; a line that begins with `!` must not
//   args env exit        further arguments, NAME=value, the exit code (default 0): one a line
//
// The sample at the top level and the folders of examples/ are cases too, and the servers
// themselves accept what was made for them.
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { programWith } from '../support/program.ts'
import { removeDir, serverBinary, tempDir } from '../support/servers.ts'

const top = fileURLToPath(new URL('../..', import.meta.url))

interface Run {
  readonly work: string
  readonly exitCode: number | undefined
  /** Standard output and error together. */
  readonly said: string
}

/** Runs a case in a folder that is gone afterwards. */
async function inFolder(source: string, look: (run: Run) => Promise<void>): Promise<void> {
  const folder = tempDir('case')
  try {
    const [work, confdir] = [join(folder, 'work'), join(folder, 'conf')]
    await mkdir(work)
    for (const part of ['conf.d', 'templates']) {
      if (existsSync(join(source, part))) {
        await cp(join(source, part), join(confdir, part), { recursive: true })
      }
    }
    if (existsSync(join(source, 'before'))) {
      await cp(join(source, 'before'), work, { recursive: true })
    }
    const keys = (await readdir(source)).find((name) => name.startsWith('keys.'))
    if (keys !== undefined) await cp(join(source, keys), join(folder, keys))
    const from = keys === undefined ? [] : ['-backend', 'file', '-file', join(folder, keys)]
    const fixed = ['-onetime', '-confdir', confdir, '-state-dir', join(folder, 'state')]
    const env = Object.fromEntries(
      (await lines(source, 'env')).map((line) => {
        const [name = '', ...rest] = line.split('=')
        return [name, rest.join('=')]
      }),
    )
    const { exitCode, all } = await execa(
      ...programWith(...fixed, ...from, ...(await lines(source, 'args'))),
      { cwd: work, env, all: true, reject: false, timeout: 20_000 },
    )
    await look({ work, exitCode, said: all })
  } finally {
    removeDir(folder)
  }
}

async function lines(folder: string, name: string): Promise<string[]> {
  if (!existsSync(join(folder, name))) return []
  const text = await readFile(join(folder, name), 'utf8')
  return text.split('\n').filter((line) => line !== '')
}

/** Every file below a folder: its path from there, and its bytes as text that shows each of them. */
async function contents(folder: string): Promise<Record<string, string>> {
  if (!existsSync(folder)) return {}
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile() && entry.name !== '.gitkeep')
  const pairs = files.map(async (entry) => {
    const path = join(entry.parentPath, entry.name)
    return [relative(folder, path), await readFile(path, 'latin1')] as const
  })
  return Object.fromEntries((await Promise.all(pairs)).sort())
}

async function check(source: string): Promise<void> {
  await inFolder(source, async ({ work, exitCode, said }) => {
    const [expectedCode = '0'] = await lines(source, 'exit')
    expect(exitCode, said).toBe(Number(expectedCode))
    for (const piece of await lines(source, 'expected-error.txt')) {
      if (piece.startsWith('!')) expect(said).not.toContain(piece.slice(1))
      else expect(said).toContain(piece)
    }
    const before = await contents(join(source, 'before'))
    const expected = await contents(join(source, 'expected'))
    const made = await contents(work)
    delete made['.gitkeep']
    expect(made).toEqual({ ...before, ...expected })
  })
}

async function foldersOf(folder: string): Promise<string[]> {
  const entries = await readdir(join(top, folder), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(folder, entry.name))
}

describe('cases', async () => {
  test.each(await foldersOf('test/cases'))('%s', (folder) => check(join(top, folder)))
})

describe('examples', async () => {
  test.each(await foldersOf('examples'))('%s', async (folder) => {
    expect(Object.keys(await contents(join(top, folder, 'expected')))).not.toEqual([])
    await check(join(top, folder))
  })
})

describe('what the servers say to it', async () => {
  const haproxy = [
    ...['.', 'examples/haproxy', 'examples/consul-services', 'examples/two-datacenters'],
    ...['examples/registrator', 'examples/skydns'],
    ...['test/cases/go-haproxy', 'test/cases/go-books'],
  ]
  test.each(haproxy)('HAProxy accepts %s without a warning', async (folder) => {
    await inFolder(join(top, folder), async ({ work, exitCode, said }) => {
      expect(exitCode, said).toBe(0)
      expect(await accepts('haproxy', ['-c', '-f', join(work, 'haproxy.cfg')])).not.toMatch(
        /warning|alert/i,
      )
    })
  })

  test.each(['examples/nginx', 'test/cases/go-nginx'])('nginx accepts %s', async (folder) => {
    await inFolder(join(top, folder), async ({ work, exitCode, said }) => {
      expect(exitCode, said).toBe(0)
      await accepts('nginx', ['-t', '-p', work, '-c', join(work, 'nginx.conf')])
    })
  })

  test.each([
    ['test/cases/go-json/expected/app.json', JSON.parse],
    ['test/cases/go-prometheus/expected/targets.json', JSON.parse],
    ['test/cases/go-yaml/expected/app.yaml', (text: string): unknown => parseYaml(text)],
  ])('%s can be parsed', async (file, parse) => {
    expect(parse(await readFile(join(top, file), 'utf8'))).toBeInstanceOf(Object)
  })

  /** Runs a server on its configuration, to check it only; what it said. */
  async function accepts(server: string, args: readonly string[]): Promise<string> {
    const { path, env } = serverBinary(server)
    const { exitCode, all } = await execa(path, args, { env, all: true, reject: false })
    expect(exitCode, `${basename(path)}: ${all}`).toBe(0)
    return all
  }
})

test('the sample at the top level makes a haproxy.cfg, and nothing else, with the keys in it', async () => {
  await inFolder(top, async ({ work, exitCode, said }) => {
    expect(exitCode, said).toBe(0)
    const made = await contents(work)
    expect(Object.keys(made)).toEqual(['haproxy.cfg'])
    expect(made['haproxy.cfg']).toContain('server node-3 127.0.0.1:9003 check')
  })
})

test('a second run changes nothing and reloads nothing', async () => {
  await inFolder(join(top, 'examples/haproxy'), async ({ work }) => {
    const again = await execa(
      ...programWith(
        ...['-onetime', '-detailed-exitcode', '-backend', 'file'],
        ...['-file', join(top, 'examples/haproxy/keys.yaml')],
        ...['-confdir', join(work, '../conf'), '-state-dir', join(work, '../state')],
      ),
      { cwd: work, all: true, reject: false },
    )
    expect(again.exitCode, again.all).toBe(0)
    expect(again.all).not.toContain('reloaded')
  })
})

test('a file keeps the mode it has, a new one gets 0644, and mode = sets it', async () => {
  const { stat } = await import('node:fs/promises')
  await inFolder(join(top, 'test/cases/mode'), async ({ work, exitCode, said }) => {
    expect(exitCode, said).toBe(0)
    const mode = async (name: string): Promise<string> =>
      ((await stat(join(work, name))).mode & 0o7777).toString(8)
    expect(await mode('secret.conf')).toBe('600')
    expect(await mode('plain.conf')).toBe('644')
  })
})

test('cases that need a permission: a folder that may not be written', async () => {
  const folder = tempDir('case')
  try {
    // Not even root can create a file in /proc: no message depends on who runs the tests.
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
