// The command line of `reconfd register`: URIs of registries, arguments (including those of registrator), and faults.
import { describe, expect, test } from 'vitest'
import type { RegisterSettings } from '../../src/core/register.ts'
import { parseRegistryUri } from '../../src/config/registry-uri.ts'
import { loadSettings } from '../../src/config/settings.ts'

async function settingsOf(...argv: string[]): Promise<RegisterSettings> {
  const command = await loadSettings(['register', ...argv], {})
  if (!command.ok) throw new Error(command.error.faults.map(({ message }) => message).join('\n'))
  if (command.value.kind !== 'register') throw new Error(command.value.kind)
  return command.value.settings
}

async function faultsOf(...argv: string[]): Promise<string[]> {
  const command = await loadSettings(['register', ...argv], {})
  return command.ok ? [] : command.error.faults.map(({ message }) => message)
}

describe('URIs', () => {
  test.each([
    ['etcd://h:1/services', 'etcd', '/services', ['h:1']],
    ['etcd://a:1,b,[::1]:3/x/y/', 'etcd', '/x/y', ['a:1', 'b:2379', '[::1]:3']],
    ['etcdv2://h/p', 'etcdv2', '/p', ['h:2379']],
    ['consul:', undefined, '', []],
    ['consul://', 'consul', '/', ['127.0.0.1:8500']],
    ['consul://h:8501', 'consul', '/', ['h:8501']],
    ['consul://h:8501/', 'consul', '/', ['h:8501']],
    ['consul://h:8501/services', undefined, '', []],
    ['consul-unix:///run/consul.sock', 'consul', '/', ['unix:///run/consul.sock']],
    ['consulkv://h/a', 'consulkv', '/a', ['h:8500']],
    ['consulkv-unix:///run/c.sock:/a', 'consulkv', '/a', ['unix:///run/c.sock']],
    ['zookeeper://h/base', 'zookeeper', '/base', ['h:2181']],
    ['skydns2://h/cluster.local', 'skydns2', 'cluster.local', ['h:2379']],
    ['skydns2://h', undefined, '', []],
    ['etcd://user:secret@h/x', undefined, '', []],
    ['etcd://h:99999/x', undefined, '', []],
    ['ectd://h', undefined, '', []],
  ])('%s', (uri, kind, path, nodes) => {
    const parsed = parseRegistryUri(uri)
    expect(parsed.ok ? parsed.value.target.kind : undefined).toBe(kind)
    if (parsed.ok) expect([parsed.value.target.path, parsed.value.nodes]).toEqual([path, nodes])
    else expect(parsed.error.message).not.toContain('secret')
  })

  test('https of consul-tls', async () => {
    const { connection } = await settingsOf('consul-tls://h:8501')
    expect(connection).toMatchObject({ scheme: 'https', nodes: ['h:8501'] })
  })
})

test('a command line of registrator', async () => {
  const settings = await settingsOf(
    ...['-ip', '10.0.0.1', '-internal', '-explicit=true', '-tags', 'a,b', '-ttl', '60'],
    ...['-ttl-refresh', '20', '-resync', '600', '-deregister', 'on-success', '-cleanup'],
    ...['-retry-attempts', '10', '-retry-interval', '2000', '-useIpFromLabel', 'ip'],
    'consul://localhost:8500',
  )
  expect(settings).toMatchObject({
    to: { kind: 'consul' },
    address: '10.0.0.1',
    tags: ['a', 'b'],
    ttl: 60_000,
    refresh: 20_000,
    resync: 600_000,
    retryAttempts: 10,
    retryInterval: 2_000,
    docker: {
      engine: 'unix:///var/run/docker.sock',
      internal: true,
      explicit: true,
      ipLabel: 'ip',
      deregister: 'on-success',
      allowScripts: false,
    },
  })
})

test('durations of Go, and the defaults', async () => {
  const web = ['-to', 'etcd://h/s', '-name', 'web', '-port', '80']
  const settings = await settingsOf(
    ...web,
    '-ttl',
    '15s',
    '-retry-interval',
    '2s',
    '--',
    'run',
    '-x',
  )
  expect(settings).toMatchObject({
    ttl: 15_000,
    refresh: 5_000,
    resync: 60_000,
    retryInterval: 2_000,
    drain: 0,
    killTimeout: 30_000,
    check: { interval: 5_000, timeout: 3_000, rise: 2, fall: 3 },
    command: ['run', '-x'],
    own: { name: 'web', port: 80 },
  })
  expect(settings.docker).toBeUndefined()
})

test('the values of -check', async () => {
  const check = async (text: string) =>
    (await settingsOf('-to', 'consul://h', '-name', 'a', '-port', '1', '-check', text)).own?.check
  expect(await check('http://h/healthz')).toEqual({ kind: 'http', url: 'http://h/healthz' })
  expect(await check('tcp')).toEqual({ kind: 'tcp' })
  expect(await check('tcp://[::1]:5')).toEqual({ kind: 'tcp', host: '::1', port: 5 })
  expect(await check('curl -f x')).toEqual({ kind: 'command', command: 'curl -f x' })
})

describe('faults', () => {
  const to = ['-to', 'etcd://h/s']
  test.each<[string[], unknown]>([
    [['-docker'], 'no registry'],
    [[...to, 'consul://h'], 'both -to and "consul://h" set the registry'],
    [[...to], 'nothing to register'],
    [[...to, '-name', 'a'], '-name needs -port'],
    [[...to, '-name', 'a/b', '-port', '1'], '-name contains a slash'],
    [
      [...to, '-name', 'a', '-port', '70000'],
      '-port: "70000" is not a whole number from 1 to 65535',
    ],
    [[...to, '-docker', '-ttl', '1s'], '-ttl is below the minimum of etcd, which is 2s'],
    [['consulkv://h', '-ttl', '5s'], '-ttl is below the minimum of consulkv, which is 10s'],
    [[...to, '-docker', '-ttl-refresh', '30s'], '-ttl-refresh is not shorter than -ttl'],
    [[...to, '--', 'run'], 'a command needs -name and -port'],
    [
      [...to, '-docker', '-deregister', 'never'],
      '-deregister: "never" is not always or on-success',
    ],
    [[...to, '-conf', 'd', '-internal'], '-internal is for containers'],
    [
      [...to, '-name', 'a', '-port', '1', '-deregister', 'on-success'],
      '-deregister is for containers',
    ],
    [[...to, '-name', 'a', '-port', '1', '-drain', '5s'], '-drain is for a command'],
    [[...to, '-docker', '-ip', 'h:80'], '-ip: "h:80" is not an address'],
    [['ectd://h'], 'unknown registry "ectd://"'],
    [
      [...to, '-name', 'a', '-port', '1', '-meta', 'a b=1'],
      expect.stringContaining('-meta: "a b"'),
    ],
    [
      [...to, '-name', 'a', '-port', '1', '-meta', 'consul-x=1'],
      '-meta: "consul-x" has a reserved name',
    ],
  ])('%j', async (argv, message) => {
    expect(await faultsOf(...argv)).toEqual([message])
  })
})
