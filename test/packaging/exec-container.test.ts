// The recipe of docs/containers.md in a real container, by podman: etcd on the host, HAProxy inside as the program
// of reconfd, tini as the first process. The image has the settings of the real Dockerfile; its files are this
// machine's, since no registry is asked for a base.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { HttpClient } from '../support/http.ts'
import { leftovers } from '../support/leftovers.ts'
import { freePorts, serverBinary, startEtcd, until } from '../support/servers.ts'
import { Root } from './root.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const dockerfile = readFileSync(join(top, 'Dockerfile'), 'utf8')

/** Why there can be no container here; undefined: there can. */
function whyNot(): string | undefined {
  if (process.geteuid?.() !== 0) return 'root is needed'
  for (const program of ['podman', 'runc', 'curl', 'setpriv'])
    if (spawnSync(program, ['--version']).status !== 0) return `there is no ${program}`
  return undefined
}

const missing = whyNot()
if (missing !== undefined) process.stderr.write(`SKIPPED, no container is tried: ${missing}\n`)

/** A block of the page that has `<!-- file: PATH -->` above it. */
function fileOf(path: string): string {
  const page = readFileSync(join(top, 'docs/containers.md'), 'utf8')
  const found = page.split(`<!-- file: ${path} -->`)[1]?.match(/```\w+\n([^]*?)```/)?.[1]
  if (found === undefined) throw new Error(`docs/containers.md has no file ${path}`)
  return found
}

/** A program of the machine, with its libraries where its environment has them. */
function copyServer(root: Root, name: string, to: string): void {
  const { path, env } = serverBinary(name)
  const isScript = readFileSync(path).subarray(0, 2).toString() === '#!'
  const [, folder, real] = isScript
    ? (/LD_LIBRARY_PATH=(\S+)[^]*exec (\S+)/.exec(readFileSync(path, 'utf8')) ?? [])
    : [undefined, env['LD_LIBRARY_PATH'], path]
  const from = real ?? path
  root.copy(from, to)
  const { stdout } = spawnSync('ldd', [from], {
    encoding: 'utf8',
    env: { ...process.env, ...(folder === undefined ? {} : { LD_LIBRARY_PATH: folder }) },
  })
  for (const [library] of stdout.matchAll(/\/\S+/g)) {
    const isOwn = folder !== undefined && library.startsWith(folder)
    root.copy(library, isOwn ? `/usr/lib/x86_64-linux-gnu/${library.split('/').at(-1)}` : library)
  }
}

test('the build of the image gets all that the package is made of', () => {
  const { files } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
    files: readonly string[]
  }
  const kept = readFileSync(join(top, '.dockerignore'), 'utf8').split('\n')
  // It builds dist itself.
  const needed = files.filter((path) => path !== 'dist').concat('src', 'scripts')
  expect(needed.filter((path) => !kept.includes(`!${path}`))).toEqual([])
})

test.skipIf(missing !== undefined)('HAProxy in a container', { timeout: 240_000 }, async () => {
  const work = mkdtempSync(join(tmpdir(), 'reconfd-podman-'))
  leftovers.folders.add(work)
  const podman = (...args: readonly string[]) =>
    execa('podman', [
      ...['--root', join(work, 'root'), '--runroot', join(work, 'run')],
      ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'],
      ...args,
    ])
  const [port = 0, version = 0] = await freePorts(2)
  const out = join(work, 'out')
  mkdirSync(out)
  const root = new Root()
  const programs = ['env', 'grep', 'cat', 'sleep', 'sed', 'test', 'curl', 'setpriv', 'seq']
  for (const program of programs) root.copyProgram(`/usr/bin/${program}`)
  root.copyProgram(serverBinary('tini').path, '/usr/bin/tini')
  copyServer(root, 'haproxy', '/usr/sbin/haproxy')
  cpSync(join(top, 'dist'), root.at('usr/local/lib/reconfd/dist'), { recursive: true })
  root.write('usr/local/lib/reconfd/package.json', '{"type":"module"}')
  root.makeFolder('usr/local/bin')
  symlinkSync('../lib/reconfd/dist/cli.js', root.at('usr/local/bin/reconfd'))
  for (const folder of ['etc/haproxy', 'var/lib/reconfd', 'etc/confd/conf.d'])
    root.makeFolder(folder)
  root.write('etc/passwd', 'root:x:0:0::/:/bin/sh\n')

  const etcd = await startEtcd()
  const backends = await Promise.all(
    ['one', 'two'].map(async (name) => {
      const server = createServer((_, response) => response.end(name))
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
      return { server, address: `127.0.0.1:${(server.address() as { port: number }).port}` }
    }),
  )
  const onPorts = (text: string): string =>
    text.replaceAll(':8080', `:${port}`).replaceAll(':8404', `:${version}`)
  for (const file of ['confd.toml', 'conf.d/haproxy.toml', 'templates/haproxy.cfg.njk'])
    root.write(`etc/confd/${file}`, onPorts(fileOf(`/etc/confd/${file}`)))
  // A reload that leaves processes behind, 50 times.
  root.write('etc/confd/templates/n.njk', '{{ getv("/n") }}')
  root.write(
    'etc/confd/conf.d/n.toml',
    '[template]\nsrc = "n.njk"\ndest = "/n"\nkeys = ["/n"]\nreload_cmd = "for i in 1 2 3; do (sleep 0.1 &) ; done; echo ran >> /out/ran"\n',
  )

  try {
    const image = join(work, 'image.tar')
    await execa('tar', ['-C', root.path, '-cf', image, '.'])
    const changes = ['ENTRYPOINT', 'ENV', 'STOPSIGNAL'].flatMap((word) => {
      const line = new RegExp(`^${word} .*$`, 'm').exec(dockerfile)?.[0] ?? ''
      return ['--change', word === 'ENV' ? `${line} PATH=/usr/local/bin:/usr/sbin:/usr/bin` : line]
    })
    await podman('import', '--quiet', ...changes, image, 'lb:1')
    await etcd.client.put('/services/web/n1', backends[0]?.address ?? '')
    await etcd.client.put('/n', '0')
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']
    const command = ['-watch', '--', 'haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg']
    const where = [
      '--network',
      'host',
      '-v',
      `${out}:/out`,
      '-e',
      `CONFD_NODES=${etcd.node}`,
      ...limits,
    ]
    await podman('run', '-d', '--name', 'lb', ...where, 'lb:1', ...command)
    const reloads = (): number => readFileSync(join(out, 'ran'), 'utf8').split('\n').length - 1
    const inside = async (script: string): Promise<string> =>
      (await podman('exec', 'lb', 'sh', '-c', script)).stdout
    const says = async (): Promise<string> => {
      const http = new HttpClient(`http://127.0.0.1:${port}`)
      try {
        return (await http.send('GET', '/')).text
      } catch {
        return ''
      } finally {
        http.close()
      }
    }
    try {
      await until('traffic flows', async () => (await says()) === 'one', { timeout: 60_000 })
      await etcd.client.put('/services/web/n2', backends[1]?.address ?? '')
      await until('the new node answers', async () => (await says()) === 'two', { timeout: 60_000 })
      for (let n = 1; n <= 50; n++) {
        await etcd.client.put('/n', String(n))
        await until(`reload ${n}`, () => reloads() > n)
      }
      expect(await inside('reconfd status')).toContain('program haproxy: up')
      const zombies = 'grep -l "^State:.Z" /proc/[0-9]*/status || true'
      await until('no zombie is left', async () => (await inside(zombies)) === '')
      expect(await inside('cat /proc/1/comm')).toBe('tini')
    } catch (error) {
      const { stdout, stderr } = await podman('logs', 'lb')
      throw new Error(`${String(error)}\n${stdout}\n${stderr}`, { cause: error })
    }
    await podman('stop', '--time', '20', 'lb')
    const { stdout } = await podman('inspect', '--format', '{{.State.ExitCode}}', 'lb')
    expect(stdout).toBe('0')
  } finally {
    await podman('rm', '--force', 'lb').catch(() => undefined)
    for (const { server } of backends) server.close()
    await etcd.stop()
  }
})
