// The process itself: a signal must not open a debugger, commands must get no secrets in their environment, and a log
// that nobody reads must not stop the daemon. Also tests the modes of written files, and that commands' output stays
// confidential.
import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { commandEnvironment } from '../../src/system/command-environment.ts'
import { envNames, optionNames, optionOf } from '../../src/config/options.ts'
import { withSite, type Site } from '../e2e/support.ts'
import { leftovers } from '../support/leftovers.ts'
import { programWith } from '../support/program.ts'
import { until } from '../support/until.ts'

const keysFile = (site: Site): string => join(site.root, 'keys.json')
const setKeys = (site: Site, keys: Record<string, string>): void =>
  writeFileSync(keysFile(site), JSON.stringify(keys))

/** Returns the ports on which a process listens. */
function portsOf(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    }),
  )
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === '0A' && sockets.has(fields[9] ?? ''))
    .map((fields) => parseInt(fields[1]?.split(':')[1] ?? '', 16))
}

// The single executable runs under Bun, which has no debugger signal.
describe.skipIf(process.env['RECONFD_PROGRAM'] !== undefined)('SIGUSR1', () => {
  test('of a running daemon opens no debugger, and nothing else happens', async () => {
    await withSite([], async (site) => {
      setKeys(site, { v: '1' })
      site.template('app', '{{ getv("/v") }}')
      site.resource('app')
      const run = site.start('-watch', '-file', keysFile(site))
      await run.until('the file', () => site.read('app') === '1')
      for (let n = 0; n < 5; n++) run.signal('SIGUSR1')
      setKeys(site, { v: '2' })
      await run.until('the next change', () => site.read('app') === '2')
      expect([portsOf(run.pid), run.stderr.match(/debugger/i)]).toEqual([[], null])
      expect(await run.stop()).toMatchObject({ code: 0 })
    })
  })

  test.each([5, 15, 25, 35, 50, 70])(
    '%i ms after the start leaves no debugger open',
    async (delay) => {
      await withSite([], async (site) => {
        setKeys(site, { v: '1' })
        site.template('app', '{{ getv("/v") }}')
        site.resource('app')
        const run = site.start('-watch', '-file', keysFile(site))
        let isOver = false
        void run.finished.then(() => (isOver = true))
        await pass(delay)
        run.signal('SIGUSR1')
        // A signal that arrives before Node has installed its handler kills the process, which is fine, too.
        await until('it works or has ended', () => isOver || site.read('app') === '1')
        if (isOver) return
        await until('no port is open', () => portsOf(run.pid).length === 0)
      })
    },
  )
})

describe('the environment of commands', () => {
  test('has none of the variables that hold our own secrets', () => {
    const secrets = optionNames.flatMap((name) =>
      optionOf(name).secret === true ? envNames(name) : [],
    )
    expect(secrets).toContain('CONFD_PASSWORD')
    const names = [...secrets, 'PATH', 'CONFD_PREFIX', 'CONFD_PASSWORD_FILE', 'CONSUL_HTTP_TOKEN']
    const env = commandEnvironment(Object.fromEntries(names.map((name) => [name, 'x'])))
    expect(Object.keys(env)).toEqual(names.slice(secrets.length))
  })

  test('of a check, a reload and a verification, in a daemon too', async () => {
    const secrets = { CONFD_PASSWORD: 's1', CONFD_AUTH_TOKEN: 's2', CONFD_HTTP_TOKEN: 's3' }
    await withSite(
      [],
      async (site) => {
        setKeys(site, { v: '1' })
        site.template('app', '{{ getv("/v") }}')
        const note = `env >>${site.path('env')}`
        site.resource('app', {
          check_cmd: note,
          reload_cmd: note,
          verify_cmd: `${note}; echo end >>${site.path('ends')}`,
        })
        const run = site.start('-watch', '-file', keysFile(site))
        await run.until('the first reload', () => site.lines('ends') === 1)
        setKeys(site, { v: '2' })
        await run.until(
          'the second reload, by a shell that was waiting',
          () => site.lines('ends') === 2,
        )
        const seen = readFileSync(site.path('env'), 'utf8')
        expect(seen).toMatch(/^CONSUL_HTTP_TOKEN=s4$/m)
        expect(seen).not.toMatch(/CONFD_(PASSWORD|AUTH_TOKEN|HTTP_TOKEN)/)
        expect(await run.stop()).toMatchObject({ code: 0 })
      },
      { ...secrets, CONSUL_HTTP_TOKEN: 's4' },
    )
  })
})

test('a log that nobody reads any more does not end the daemon', async () => {
  await withSite([], async (site) => {
    setKeys(site, { v: '1' })
    site.template('app', '{{ getv("/v") }}')
    site.resource('app')
    const args = ['-watch', '-log-level', 'debug', '-file', keysFile(site), '-confdir', site.root]
    const where = [
      '-conf-file',
      join(site.root, 'confd.toml'),
      '-state-dir',
      join(site.root, 'state'),
    ]
    const child = spawn(...programWith(...args, ...where), { stdio: ['ignore', 'pipe', 'pipe'] })
    leftovers.children.add(child)
    const ended = new Promise((resolve) => child.once('exit', (code) => resolve(code)))
    await until('the file', () => site.read('app') === '1')
    child.stderr.destroy()
    child.stdout.destroy()
    for (const v of ['2', '3']) {
      setKeys(site, { v })
      await until(`the file with ${v}`, () => site.read('app') === v)
    }
    child.kill('SIGTERM')
    expect(await ended).toBe(0)
    leftovers.children.delete(child)
  })
})

describe('sensitive = true', () => {
  test.each(['check_cmd', 'reload_cmd', 'verify_cmd', 'group_check_cmd'])(
    'what %s prints is neither in the log, nor in the report, nor in the state',
    async (key) => {
      await withSite([], async (site) => {
        setKeys(site, { v: 'topsecret' })
        site.template('app', '{{ getv("/v") }}')
        const fields = { reload_cmd: 'true', verify_attempts: 1 as unknown as string }
        for (const end of ['exit 3', 'exit 0']) {
          site.resource('app', {
            ...fields,
            sensitive: true,
            [key]: `cat ${keysFile(site)}; ${end}`,
          })
          const report = join(site.root, 'report.json')
          const flags = ['-onetime', '-log-level', 'debug', '-report', report]
          const { code, stderr, stdout } = await site.start(...flags, '-file', keysFile(site))
            .finished
          expect(code).toBe(end === 'exit 0' ? 0 : 1)
          const state = readdirSync(join(site.root, 'state'), { recursive: true, encoding: 'utf8' })
            .map((name) => join(site.root, 'state', name))
            .filter((path) => statSync(path).isFile())
          for (const path of [report, ...state]) {
            expect(readFileSync(path, 'utf8')).not.toContain('topsecret')
          }
          expect(stderr + stdout).not.toContain('topsecret')
          if (end === 'exit 3') expect(stderr).toContain('[not shown: the resource is sensitive]')
        }
      })
    },
  )

  test('the commands of its group are those that look at its files', async () => {
    await withSite([], async (site) => {
      setKeys(site, { v: 'topsecret' })
      site.template('app', '{{ getv("/v") }}')
      const member = (name: string, fields: Parameters<typeof site.resource>[1]): void => {
        site.resource(name, { src: 'app.njk', ...fields })
        const file = join(site.root, 'conf.d', `${name}.toml`)
        writeFileSync(file, `group = "g"\n${readFileSync(file, 'utf8')}`)
      }
      member('app', { sensitive: true })
      const command = `cat ${keysFile(site)}; exit 3`
      for (const key of ['check_cmd', 'group_check_cmd', 'reload_cmd']) {
        member('other', { [key]: command })
        const { code, stderr } = await site.start('-onetime', '-file', keysFile(site)).finished
        expect(code).toBe(1)
        expect(stderr).toContain('[not shown: the resource is sensitive]')
        expect(stderr).not.toContain('topsecret')
      }
    })
  })
})

describe('modes', () => {
  test('of the state directory, of what is in it, and of a report, whatever the umask', async () => {
    await withSite([], async (site) => {
      setKeys(site, { v: '1' })
      site.template('app', '{{ getv("/v") }}')
      site.resource('app', {
        reload_cmd: 'false',
        on_reload_failure: 'rollback',
        reload_attempts: 1 as unknown as string,
      })
      mkdirSync(site.path('kept'))
      writeFileSync(site.path('kept/report'), '', { mode: 0o644 })
      const umask = process.umask(0)
      try {
        for (const report of ['report', 'kept/report']) {
          await site.start('-onetime', '-file', keysFile(site), '-report', site.path(report))
            .finished
        }
      } finally {
        process.umask(umask)
      }
      const mode = (path: string): string => (statSync(path).mode & 0o7777).toString(8)
      const state = join(site.root, 'state')
      expect(mode(state)).toBe('700')
      for (const name of readdirSync(state, { recursive: true, encoding: 'utf8' })) {
        const path = join(state, name)
        expect([name, mode(path)]).toEqual([name, statSync(path).isFile() ? '600' : '700'])
      }
      expect(existsSync(site.path('report'))).toBe(true)
      // An existing report must keep its mode.
      expect([mode(site.path('report')), mode(site.path('kept/report'))]).toEqual(['600', '644'])
    })
  })
})
