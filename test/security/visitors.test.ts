// Visitors of the status page: what they can see, and that they cannot exhaust the memory, time or descriptors of the
// engine.
import { spawn, type ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Paced } from '../../src/http/paced.ts'
import { descriptorLimit, visitorsFor } from '../../src/http/visitors.ts'
import { addressOf, ask, tokenOf } from '../e2e/page.ts'
import { withSite, type Running, type Site } from '../e2e/support.ts'
import { leftovers } from '../support/leftovers.ts'
import { programWith } from '../support/program.ts'
import { until } from '../support/until.ts'

const keysFile = (site: Site): string => join(site.root, 'keys.json')
const setKeys = (site: Site, keys: Record<string, string>): void =>
  writeFileSync(keysFile(site), JSON.stringify(keys))

async function withPage(
  use: (site: Site, address: string, run: Running) => Promise<void>,
  ...flags: string[]
): Promise<void> {
  await withSite([], async (site) => {
    setKeys(site, { v: 'f1rst' })
    for (const name of ['app', 'private', 'sensitive']) {
      site.template(name, `${name} = {{ getv("/v") }}\n`)
    }
    site.resource('app', { mode: '0644' })
    site.resource('private', { mode: '0600' })
    site.resource('sensitive', { mode: '0644', sensitive: true })
    const run = site.start('-watch', '-file', keysFile(site), '-http', ':0', ...flags)
    const address = await addressOf(run)
    await until('the files', () => site.read('sensitive') === 'sensitive = f1rst\n')
    setKeys(site, { v: 's3cret' })
    await until('the change', () => site.read('sensitive') === 'sensitive = s3cret\n')
    await use(site, address, run)
  })
}

/** Forwards every request and adds no header about the visitor, like nginx with a plain proxy_pass. */
async function plainProxy(to: string): Promise<{ address: string; server: Server }> {
  const server = createServer((asked, answer) => {
    const { authorization } = asked.headers
    const headers = authorization === undefined ? {} : { authorization }
    request(to + (asked.url ?? ''), { headers, agent: false }, (got) => {
      answer.writeHead(got.statusCode ?? 0, got.headers)
      got.pipe(answer)
    }).end()
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

describe('contents', () => {
  test('are not shown to a client just for being on this machine, nor through a proxy without headers', async () => {
    await withPage(async (_, address) => {
      const proxy = await plainProxy(address)
      try {
        const forwarded = { 'x-forwarded-for': '192.0.2.1' }
        for (const got of [
          await ask(`${address}/`),
          await ask(`${proxy.address}/`),
          await ask(`${address}/`, forwarded),
        ]) {
          expect(got.status).toBe(200)
          expect(got.text).toContain('give the token')
          expect(got.text).not.toMatch(/s3cret|f1rst/)
        }
        const wrong = await ask(`${address}/`, { authorization: 'Bearer nonsense' })
        expect([wrong.status, wrong.text]).toEqual([401, 'wrong token\n'])
      } finally {
        proxy.server.close()
      }
    })
  })

  test('are shown for the token that is kept in the state directory, sensitive ones never', async () => {
    await withPage(async (site, address, run) => {
      const token = tokenOf(site)
      expect(statSync(join(site.root, 'state/http-token')).mode & 0o777).toBe(0o600)
      const proxy = await plainProxy(address)
      try {
        const basic = `Basic ${Buffer.from(`me:${token}`).toString('base64')}`
        for (const authorization of [`Bearer ${token}`, basic]) {
          for (const place of [address, proxy.address]) {
            const { text } = await ask(`${place}/`, { authorization })
            expect(text).toContain('+app = s3cret')
            expect(text).toContain('+private = s3cret')
            expect(text).not.toContain('sensitive = s3cret')
          }
        }
        const asked = await ask(`${address}/with-token`)
        expect([asked.status, asked.headers['www-authenticate']]).toEqual([
          401,
          expect.stringMatching(/^Basic /),
        ])
        const given = await ask(`${address}/with-token`, { authorization: basic })
        expect([given.status, given.headers['location']]).toEqual([303, '/'])
      } finally {
        proxy.server.close()
      }
      // Links leak into histories and logs, so reconfd's log must contain no link with the token, only the address
      // and the path of the token file.
      expect(run.stderr).not.toContain(token)
      expect(run.stderr.match(/status page at/g)).toHaveLength(1)
      expect(run.stderr).toContain(
        `the token that unlocks diffs is in ${site.root}/state/http-token`,
      )
      await run.stop()
      const again = site.start('-watch', '-file', keysFile(site), '-http', ':0')
      await addressOf(again)
      expect(tokenOf(site)).toBe(token)
    })
  })

  test('are shown for the token that is set, and for no other', async () => {
    await withPage(
      async (site, address) => {
        const pageFor = async (token: string) =>
          (await ask(`${address}/`, { authorization: `Bearer ${token}` })).text
        expect(await pageFor('open-sesame')).toContain('+app = s3cret')
        expect(await pageFor('open-sesam')).not.toContain('s3cret')
        expect(readdirSync(join(site.root, 'state'))).not.toContain('http-token')
      },
      '-http-token',
      'open-sesame',
    )
  })

  test('are shown on the Unix socket, to which only our own user may connect', async () => {
    await withSite([], async (site) => {
      setKeys(site, { v: 's3cret' })
      site.template('app', 'app = {{ getv("/v") }}\n')
      site.resource('app')
      const socketPath = site.path('page.sock')
      const flags = ['-watch', '-file', keysFile(site), '-http', `unix:${socketPath}`]
      const run = site.start(...flags)
      await run.until('the page', () => run.stderr.includes(`status page at unix:${socketPath}`))
      await until('the file', () => site.read('app') === 'app = s3cret\n')
      expect(statSync(socketPath).mode & 0o777).toBe(0o600)
      const pageOf = () =>
        new Promise<string>((resolve, reject) => {
          request({ socketPath, path: '/', headers: { host: 'localhost' } }, (response) => {
            let text = ''
            response.on('data', (data: Buffer) => (text += data.toString()))
            response.once('end', () => resolve(text))
          })
            .once('error', reject)
            .end()
        })
      await until('the diff', async () => (await pageOf()).includes('+app = s3cret'))
      const second = site.start(...flags, '-state-dir', join(site.root, 'other-state'))
      await second.until('the warning', () =>
        second.stderr.includes(`no status page: cannot listen at ${socketPath}`),
      )
      await second.stop()
      expect(await pageOf()).toContain('+app = s3cret')
      await run.stop()
      expect(readdirSync(join(site.root, 'out'))).toEqual(['app'])
    })
  })
})

test.each(['a file', 'a link'])('a socket takes the place of no %s', async (what) => {
  await withSite([], async (site) => {
    setKeys(site, { v: '1' })
    site.template('app', '{{ getv("/v") }}')
    site.resource('app')
    const path = site.path('page.sock')
    const file = join(site.root, 'file')
    writeFileSync(what === 'a file' ? path : file, 'precious', { mode: 0o644 })
    if (what === 'a link') symlinkSync(file, path)
    const run = site.start('-watch', '-file', keysFile(site), '-http', `unix:${path}`)
    await run.until('the warning', () =>
      run.stderr.includes(`no status page: cannot listen at ${path}: the path already exists`),
    )
    await run.stop()
    expect(readFileSync(path, 'utf8')).toBe('precious')
    expect(statSync(path).mode & 0o777).toBe(0o644)
  })
})

const highestMemory = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

test('pipelined requests whose answers nobody reads take no memory', async () => {
  await withPage(async (site, address, run) => {
    const { port } = new URL(address)
    const before = highestMemory(run.pid)
    const open: Socket[] = []
    for (let n = 0; n < 4; n++) {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined).pause()
      socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'.repeat(3000))
      open.push(socket)
    }
    expect((await ask(`${address}/healthz`)).status).toBe(200)
    setKeys(site, { v: 'third' })
    await until('the next change', () => site.read('app') === 'app = third\n')
    expect(highestMemory(run.pid) - before).toBeLessThan(60)
    for (const socket of open) socket.destroy()
  })
})

test('a few pipelined requests are all answered, in order', async () => {
  await withPage(async (_, address) => {
    const { port } = new URL(address)
    const paths = ['/healthz', '/nosuch', '/readyz', '/healthz']
    const answers = await new Promise<string>((resolve, reject) => {
      let text = ''
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('data', (data) => {
        text += data.toString()
        if (text.split('HTTP/1.1 ').length > paths.length) socket.end()
      })
      socket.once('close', () => resolve(text)).once('error', reject)
      socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`).join(''))
    })
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual([
      'HTTP/1.1 200',
      'HTTP/1.1 404',
      'HTTP/1.1 200',
      'HTTP/1.1 200',
    ])
  })
})

describe('descriptors', () => {
  test.each([
    [20, 4],
    [64, 8],
    [256, 104],
    [1024, 128],
    [Infinity, 128],
  ])('%i leave room for %i visitors', (descriptors, visitors) => {
    expect(visitorsFor(descriptors)).toBe(visitors)
  })

  test('the limit is known', () => {
    expect(descriptorLimit()).toBeGreaterThan(20)
  })

  test('a hundred connections leave enough for the work, and refused visitors get an answer', async () => {
    await withSite([], async (site) => {
      setKeys(site, { v: '1' })
      site.template('app', '{{ getv("/v") }}')
      site.resource('app', { reload_cmd: `cp ${site.path('app')} ${site.path('loaded')}` })
      const args = ['-watch', '-log-format', 'json', '-http', ':0', '-file', keysFile(site)]
      const where = ['-confdir', site.root, '-conf-file', '/dev/null']
      const state = ['-state-dir', join(site.root, 'state')]
      const [command, rest] = programWith(...args, ...where, ...state)
      const limited = ['-c', 'ulimit -n 64; exec "$@"', 'sh', command, ...rest]
      const child = spawn('sh', limited, { stdio: ['ignore', 'ignore', 'pipe'] })
      leftovers.children.add(child)
      const flood = new Flood()
      try {
        const port = await portOf(child)
        flood.begin(port)
        await until('a polite refusal', () => /503 Service.*too many visitors/s.test(flood.seen))
        for (const v of ['2', '3', '4']) {
          setKeys(site, { v })
          await until(`the file with ${v}`, () => site.read('app') === v)
        }
        await until('the reload', () => site.read('loaded') === '4')
      } finally {
        flood.end()
        child.kill('SIGKILL')
        leftovers.children.delete(child)
      }
    })
  })
})

async function portOf({ stderr }: ChildProcess): Promise<number> {
  let text = ''
  stderr?.on('data', (data: Buffer) => (text += data.toString()))
  const pattern = /status page at http:\/\/127\.0\.0\.1:(\d+)/
  await until('the page', () => pattern.test(text))
  return Number(pattern.exec(text)?.[1])
}

/** Visitors who keep watching, and reconnect as soon as they are disconnected. */
class Flood {
  seen = ''
  readonly #open = new Set<Socket>()
  #isOver = false

  begin(port: number): void {
    for (let n = 0; n < 100; n++) this.#connect(port)
  }

  end(): void {
    this.#isOver = true
    for (const socket of this.#open) socket.destroy()
  }

  #connect(port: number): void {
    if (this.#isOver) return
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
    )
    this.#open.add(socket)
    socket.on('data', (data) => (this.seen = (this.seen + data.toString()).slice(-100_000)))
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.#open.delete(socket)
      setTimeout(() => this.#connect(port), 50)
    })
  }
}

test('expensive answers are shared by all requests, and take a small share of the time', async () => {
  let now = 0
  let made = 0
  const page = new Paced(
    async () => {
      now += 10
      return ++made
    },
    () => now,
  )
  expect(await Promise.all([page.get(''), page.get(''), page.get('')])).toEqual([1, 1, 1])
  page.changed()
  now += 199
  expect(await page.get('')).toBe(1)
  now += 1
  expect(await page.get('')).toBe(2)
  now += 900
  expect(await page.get('')).toBe(2)
  // The ages on the page have changed, so the page is rendered again.
  now += 101
  expect(await page.get('')).toBe(3)
})
