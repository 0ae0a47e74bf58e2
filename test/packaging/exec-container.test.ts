// Runs the recipes of docs/containers.md in real containers with podman, and etcd on the host. In one recipe, reconfd
// starts HAProxy, and tini is the first process. In the other, reconfd is a sidecar of HAProxy in the pod that the
// page defines; podman runs this pod as Kubernetes would. The images have the settings of the real Dockerfile. Their
// files are copied from this machine, so no registry is needed.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createServer, type Server } from 'node:http'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { loadSettings } from '../../src/config/settings.ts'
import { HttpClient } from '../support/http.ts'
import { leftovers } from '../support/leftovers.ts'
import { freePorts, serverBinary, startEtcd, until, type EtcdServer } from '../support/servers.ts'
import { Root } from './root.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const dockerfile = readFileSync(join(top, 'Dockerfile'), 'utf8')

/** Returns the reason why containers cannot run here, or undefined if they can. */
function whyNot(): string | undefined {
  if (process.geteuid?.() !== 0) return 'root is needed'
  for (const program of ['podman', 'runc', 'curl', 'setpriv'])
    if (spawnSync(program, ['--version']).status !== 0) return `there is no ${program}`
  return undefined
}

const missing = whyNot()
if (missing !== undefined) process.stderr.write(`SKIPPED, no container is tried: ${missing}\n`)

/** Returns the first code block of the page below a line `<!-- file: PATH -->`. */
function fileOf(path: string): string {
  const page = readFileSync(join(top, 'docs/containers.md'), 'utf8')
  const found = page.split(`<!-- file: ${path} -->`)[1]?.match(/```\w+\n([^]*?)```/)?.[1]
  if (found === undefined) throw new Error(`docs/containers.md has no file ${path}`)
  return found
}

/** Copies a server's program and its libraries, including libraries that were unpacked with the program. */
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

test('the build of the image includes all sources of the package', () => {
  const { files } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
    files: readonly string[]
  }
  const kept = readFileSync(join(top, '.dockerignore'), 'utf8').split('\n')
  // The build of the image creates dist itself.
  const needed = files.filter((path) => path !== 'dist').concat('src', 'scripts')
  expect(needed.filter((path) => !kept.includes(`!${path}`))).toEqual([])
})

test('the pods and the compose file of the page start reconfd with flags that it has', async () => {
  const page = readFileSync(join(top, 'docs/containers.md'), 'utf8')
  const blocks = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(([, text = '']) => text)
  const documents = blocks.map((text) => parse(text) as Partial<Pod> & { services?: object })
  const lines = documents
    .flatMap(({ spec }) => [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])])
    .flatMap(({ args }) => (args === undefined ? [] : [args]))
  expect(documents.map(({ kind }) => kind)).toEqual(['Pod', 'Pod', undefined])
  expect(lines).toHaveLength(3)
  for (const line of lines) {
    const settings = await loadSettings(line, { CONFD_NODES: 'etcd:2379' })
    expect(settings.ok, line.join(' ')).toBe(true)
  }
})

interface Container {
  readonly name: string
  readonly args?: readonly string[]
}

interface Pod {
  readonly kind: string
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly initContainers?: readonly Container[]
    readonly containers: readonly Container[]
    readonly volumes: readonly {
      readonly name: string
      readonly configMap?: { readonly items: readonly { key: string; path: string }[] }
    }[]
  }
}

describe.skipIf(missing !== undefined)('in a container', { timeout: 240_000 }, () => {
  const work = mkdtempSync(join(tmpdir(), 'reconfd-podman-'))
  leftovers.folders.add(work)
  const settings = join(work, 'containers.conf')
  const podman = (...args: readonly string[]) =>
    execa(
      'podman',
      [
        ...['--root', join(work, 'root'), '--runroot', join(work, 'run')],
        ...['--tmpdir', join(work, 'tmp'), '--storage-driver', 'vfs'],
        ...['--cgroup-manager', 'cgroupfs', '--runtime', 'runc', ...args],
      ],
      { env: { CONTAINERS_CONF: settings } },
    )
  let etcd: EtcdServer
  let backends: readonly { readonly server: Server; readonly address: string }[]
  let [port, version, page] = [0, 0, 0]
  const onPorts = (text: string): string =>
    text
      .replaceAll(':8080', `:${port}`)
      .replaceAll(':8404', `:${version}`)
      .replaceAll('9100', `${page}`)

  beforeAll(async () => {
    ;[port = 0, version = 0, page = 0] = await freePorts(3)
    // Some machines cannot raise limits to podman's defaults. The pod's pause container uses a local image.
    writeFileSync(
      settings,
      `[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n[engine]\ninfra_image = "localhost/pause:1"\n`,
    )
    etcd = await startEtcd()
    backends = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const server = createServer((_, response) => response.end(name))
        await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
        return { server, address: `127.0.0.1:${(server.address() as { port: number }).port}` }
      }),
    )
    await makeImages()
  })
  afterAll(async () => {
    await podman('pod', 'rm', '--all', '--force').catch(() => undefined)
    await podman('rm', '--all', '--force').catch(() => undefined)
    for (const { server } of backends) server.close()
    await etcd.stop()
  })

  async function makeImages(): Promise<void> {
    const root = new Root()
    const programs = [
      'env',
      'grep',
      'cat',
      'sleep',
      'sed',
      'test',
      'curl',
      'setpriv',
      'seq',
      'pkill',
    ]
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
    for (const file of ['confd.toml', 'conf.d/haproxy.toml', 'templates/haproxy.cfg.njk'])
      root.write(`etc/confd/${file}`, onPorts(fileOf(`/etc/confd/${file}`)))
    // Each run of this reload command leaves orphans, which tini must reap.
    root.write('etc/confd/templates/n.njk', '{{ getv("/n") }}')
    root.write(
      'etc/confd/conf.d/n.toml',
      '[template]\nsrc = "n.njk"\ndest = "/n"\nkeys = ["/n"]\nreload_cmd = "for i in 1 2 3; do (sleep 0.1 &) ; done; echo ran >> /out/ran"\n',
    )
    const archive = join(work, 'image.tar')
    await execa('tar', ['-C', root.path, '-cf', archive, '.'])
    const path = 'ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin'
    // podman accepts only one variable per ENV line.
    const lines = ['ENTRYPOINT', 'ENV', 'STOPSIGNAL'].flatMap((word) => {
      const line = new RegExp(`^${word} .*$`, 'm').exec(dockerfile)?.[0] ?? ''
      const [, ...variables] = line.split(' ')
      return word === 'ENV' ? variables.map((variable) => `ENV ${variable}`) : [line]
    })
    const image = (name: string, changes: readonly string[]) => {
      const all = changes.flatMap((change) => ['--change', change])
      return podman('import', '--quiet', ...all, archive, name)
    }
    await image('lb:1', [path, ...lines])
    await podman('tag', 'lb:1', 'localhost/reconfd-sidecar:latest')
    // HAProxy's official image starts HAProxy with the same command.
    const command = '["haproxy","-W","-db","-f","/usr/local/etc/haproxy/haproxy.cfg"]'
    await image('localhost/haproxy:2.8', [path, `CMD ${command}`])
    await image('localhost/pause:1', [
      path,
      'CMD ["/usr/bin/tini","--","/usr/bin/sleep","infinity"]',
    ])
  }

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
  const put = (node: number): Promise<unknown> =>
    etcd.client.put(`/services/web/n${node + 1}`, backends[node]?.address ?? '')
  const answers = (text: string): Promise<unknown> =>
    until(`${text} answers`, async () => (await says()) === text)
  const inside = async (container: string, script: string): Promise<string> =>
    (await podman('exec', container, 'sh', '-c', script)).stdout
  /** Adds the logs of the containers to an error. */
  async function telling(containers: readonly string[], use: () => Promise<void>): Promise<void> {
    try {
      await use()
    } catch (error) {
      const logs = await Promise.all(containers.map((name) => podman('logs', name).catch(String)))
      const said = logs.map((log) => (typeof log === 'string' ? log : `${log.stdout}${log.stderr}`))
      throw new Error([String(error), ...said].join('\n'), { cause: error })
    }
  }

  test('HAProxy is the program', async () => {
    const out = join(work, 'out')
    mkdirSync(out)
    await put(0)
    await etcd.client.put('/n', '0')
    const where = ['--network', 'host', '-v', `${out}:/out`, '-e', `CONFD_NODES=${etcd.node}`]
    const command = ['-watch', '--', 'haproxy', '-W', '-db', '-f', '/etc/haproxy/haproxy.cfg']
    await podman('run', '-d', '--name', 'lb', ...where, 'lb:1', ...command)
    const reloads = (): number => readFileSync(join(out, 'ran'), 'utf8').split('\n').length - 1
    await telling(['lb'], async () => {
      await answers('one')
      await put(1)
      await answers('two')
      for (let n = 1; n <= 50; n++) {
        await etcd.client.put('/n', String(n))
        await until(`reload ${n}`, () => reloads() > n)
      }
      expect(await inside('lb', 'reconfd status')).toContain('program haproxy: up')
      const zombies = 'grep -l "^State:.Z" /proc/[0-9]*/status || true'
      await until('no zombie is left', async () => (await inside('lb', zombies)) === '')
      expect(await inside('lb', 'cat /proc/1/comm')).toBe('tini')
    })
    await podman('stop', '--time', '20', 'lb')
    const { stdout } = await podman('inspect', '--format', '{{.State.ExitCode}}', 'lb')
    expect(stdout).toBe('0')
    await podman('rm', 'lb')
  })

  test('a sidecar, in the pod of the page', async () => {
    await etcd.client.del('/services/web/n2')
    await put(0)
    const pod = parse(
      onPorts(fileOf('/home/me/sidecar/pod.yaml')).replaceAll('etcd:2379', etcd.node),
    ) as Pod
    const files: Readonly<Record<string, string>> = {
      'haproxy.toml': fileOf('/home/me/sidecar/haproxy.toml'),
      'haproxy.cfg.njk': onPorts(fileOf('/etc/confd/templates/haproxy.cfg.njk')),
    }
    // podman 4 does not create the folders in the items of a ConfigMap, so the folder is created here.
    const folder = join(work, 'confd')
    const volumes = pod.spec.volumes.map(({ configMap, ...volume }) => {
      if (configMap === undefined) return volume
      for (const { key, path } of configMap.items) {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), files[key] ?? '')
      }
      return { ...volume, hostPath: { path: folder, type: 'Directory' } }
    })
    const path = join(work, 'pod.yaml')
    // By default, podman 4 restarts init containers that have exited.
    const spec = { ...pod.spec, volumes, hostNetwork: true, restartPolicy: 'Never' }
    writeFileSync(path, stringify({ ...pod, spec }))
    const names = pod.spec.containers.map(({ name }) => `${pod.metadata.name}-${name}`)
    await telling(names, async () => {
      await podman('play', 'kube', path)
      await answers('one')
      await put(1)
      await answers('two')
      await until('all is in sync', async () =>
        (await inside('lb-reconfd', 'reconfd status')).includes('in sync'),
      )
      const http = new HttpClient(`http://127.0.0.1:${page}`)
      expect((await http.send('GET', '/readyz')).status).toBe(200)
      http.close()
      const { stderr } = await podman('logs', 'lb-reconfd')
      expect(stderr).not.toContain('Zombie processes')
    })
    await podman('play', 'kube', '--down', path)
  })
})
