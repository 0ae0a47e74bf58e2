// `npm run test:image` builds the image from the real Dockerfile with buildah, which needs no daemon. The test makes
// the base image from this machine's Node, npm and shell, under the name that the Dockerfile uses, so no registry is
// needed.
import { cpSync, existsSync, mkdtempSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { mkdirSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa, type ExecaError } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { leftovers } from '../support/leftovers.ts'
import { cannotMount } from '../support/mounts.ts'
import { serverBinary, until } from '../support/servers.ts'
import { Root } from './root.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const dockerfile = readFileSync(join(top, 'Dockerfile'), 'utf8')
const base = /^ARG NODE=(.*)$/m.exec(dockerfile)?.[1] ?? ''
const work = mkdtempSync(join(tmpdir(), 'reconfd-image-'))
leftovers.folders.add(work)

/**
 * A shell script that runs its arguments as a command. If buildah was unpacked instead of installed, the script first
 * mounts buildah's libraries over the machine's libraries. Setting LD_LIBRARY_PATH is not enough, because the
 * processes that buildah starts do not inherit this variable.
 */
const laidOver = `
if [ -n "$LD_LIBRARY_PATH" ]; then
  folder=/usr/lib/$(basename "\${LD_LIBRARY_PATH%%:*}")
  mount -t overlay overlay -o "lowerdir=$LD_LIBRARY_PATH:$folder" "$folder"
fi
exec "$@"`

/** Runs buildah with separate storage, and without the machine's settings for containers. */
function buildah(...args: readonly string[]) {
  const { path, env } = serverBinary('buildah')
  const storage = ['--root', join(work, 'storage'), '--runroot', join(work, 'run')]
  const command = [path, ...storage, '--storage-driver', 'vfs', ...args]
  const registries = { CONTAINERS_REGISTRIES_CONF: join(work, 'registries.conf') }
  return execa('unshare', ['--mount', 'sh', '-c', laidOver, 'sh', ...command], {
    env: { ...env, ...registries, BUILDAH_ISOLATION: 'chroot' },
    all: true,
  })
}
const anySignature = ['--signature-policy', join(work, 'policy.json')]

/** Builds the base image, with everything that the Dockerfile uses from the official Node image. */
async function makeBase(): Promise<void> {
  const root = new Root()
  for (const program of ['env', 'mkdir', 'grep']) root.copyProgram(`/usr/bin/${program}`)
  // The Dockerfile uses apt only if tini is missing. This base image has tini and no apt.
  root.copyProgram(serverBinary('tini').path, '/usr/bin/tini')
  // Native modules load more of the C library's shared objects than Node does.
  const { stdout: files } = await execa('dpkg', ['--listfiles', 'libc6'])
  for (const [library] of files.matchAll(/^.*\/lib[^/]+\.so\.\d+$/gm)) root.copy(library)
  const { stdout: npm } = await execa('sh', ['-c', 'command -v npm'])
  cpSync(dirname(dirname(realpathSync(npm))), root.at('usr/lib/node_modules/npm'), {
    recursive: true,
  })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', root.at('usr/bin/npm'))
  // Gives the image this machine's access to packages: its certificate authorities and npm's cache.
  const authorities = process.env['NODE_EXTRA_CA_CERTS']
  const settings = ['npm_config_cache=/npm-cache', 'npm_config_prefer_offline=true']
  if (authorities !== undefined && existsSync(authorities)) {
    root.write(authorities, readFileSync(authorities, 'utf8'))
    settings.push(`NODE_EXTRA_CA_CERTS=${authorities}`)
  }
  const { stdout: container } = await buildah('from', 'scratch')
  await buildah('copy', '--quiet', container, root.path, '/')
  await buildah('config', ...settings.flatMap((one) => ['--env', one]), container)
  await buildah('commit', '--quiet', '--rm', ...anySignature, container, `localhost/${base}`)
}

describe.skipIf(cannotMount !== undefined)('the image', () => {
  let container = ''
  const run = async (...command: readonly string[]): Promise<{ exit: number; said: string }> => {
    const volumes = ['confd:/etc/confd', 'out:/out'].flatMap((one) => ['--volume', join(work, one)])
    const inside = buildah('run', ...volumes, container, '--', ...command)
    return inside.then(
      ({ all }) => ({ exit: 0, said: all }),
      (error: ExecaError) => ({ exit: error.exitCode ?? -1, said: String(error.all) }),
    )
  }

  beforeAll(async () => {
    writeFileSync(join(work, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}')
    writeFileSync(join(work, 'registries.conf'), '')
    await makeBase()
    const { stdout: cache } = await execa('npm', ['config', 'get', 'cache'])
    const volumes = ['--volume', `${cache}:/npm-cache`]
    await buildah(
      'build',
      '--pull-never',
      '--format',
      'docker',
      ...anySignature,
      ...volumes,
      '--tag',
      'reconfd',
      top,
    )
    container = (await buildah('from', '--pull-never', ...anySignature, 'localhost/reconfd')).stdout
    for (const folder of ['confd/conf.d', 'confd/templates', 'out'])
      mkdirSync(join(work, folder), { recursive: true })
    writeFileSync(join(work, 'confd/keys.yaml'), 'port: 8080\n')
    writeFileSync(join(work, 'confd/confd.toml'), 'file = ["/etc/confd/keys.yaml"]\n')
    writeFileSync(join(work, 'confd/templates/app.njk'), 'port {{ getv("/port") }}\n')
    writeFileSync(
      join(work, 'confd/conf.d/app.toml'),
      '[template]\nsrc = "app.njk"\ndest = "/out/app.conf"\nkeys = ["/port"]\n',
    )
  }, 240_000)
  // Removes several gigabytes, which would take too long at process exit.
  afterAll(async () => {
    await buildah('rm', '--all')
    await rm(work, { recursive: true })
  })

  test('the metadata', async () => {
    const { stdout } = await buildah('inspect', '--type', 'image', 'localhost/reconfd')
    const { Docker } = JSON.parse(stdout) as { Docker: { config: object } }
    expect(Docker.config).toMatchObject({
      Entrypoint: ['tini', '--', 'reconfd'],
      Cmd: ['-watch'],
      StopSignal: 'SIGTERM',
      Volumes: { '/var/lib/reconfd': {} },
    })
  })

  test('it contains the program and no sources', async () => {
    const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
      version: string
    }
    expect((await run('reconfd', '-version')).said).toContain(`reconfd ${version} (`)
    expect((await run('sh', '-c', 'test ! -e /src')).exit).toBe(0)
  })

  test('a daemon in it is healthy while it runs', async () => {
    const health = /^HEALTHCHECK [^]*? CMD (.*)$/m.exec(dockerfile)?.[1] ?? ''
    expect((await run('sh', '-c', health)).exit).toBe(1)
    const daemon = run('sh', '-c', 'echo $$ >/out/pid; exec reconfd -watch')
    const isWritten = until('the file is written', () => existsSync(join(work, 'out/app.conf')))
    const early = daemon.then(({ said }) => Promise.reject(new Error(`it has ended: ${said}`)))
    await Promise.race([isWritten, early])
    expect(readFileSync(join(work, 'out/app.conf'), 'utf8')).toBe('port 8080\n')
    await until('it is healthy', async () => (await run('sh', '-c', health)).exit === 0)
    process.kill(Number(readFileSync(join(work, 'out/pid'), 'utf8')), 'SIGTERM')
    const ended = await daemon
    expect(ended, ended.said).toMatchObject({ exit: 0 })
    expect((await run('sh', '-c', health)).exit).toBe(1)
  })
})
