// One message to a service manager, over a real socket.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { FullStatus } from '../../src/core/status.ts'
import { notify } from '../../src/service/notify.ts'
import { Progress } from '../../src/observe/progress.ts'
import { ServiceNotifier } from '../../src/service/service.ts'
import { until } from '../support/until.ts'
import { programs, withNotifySocket } from './notify-socket.ts'

beforeEach(() => {
  for (const [name, value] of Object.entries(programs())) vi.stubEnv(name, value)
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
})

test.each([
  ['a path', false],
  ['an abstract name', true],
])('is one datagram; the socket is %s', async (_, abstract) => {
  await withNotifySocket(async (socket) => {
    const status = 'web.toml: "a=b" & $HOME, größer; -x'
    expect((await notify(socket.address, { READY: '1', STATUS: status })).ok).toBe(true)
    expect(socket.told).toEqual([{ READY: '1', STATUS: status }])
  }, abstract)
})

test('consecutive messages arrive in order', async () => {
  await withNotifySocket(async (socket) => {
    for (const STATUS of ['1', '2', '3', '4', '5']) await notify(socket.address, { STATUS })
    expect(socket.told.map(({ STATUS }) => STATUS)).toEqual(['1', '2', '3', '4', '5'])
  })
})

test('a line break in a text sets no other variable', async () => {
  await withNotifySocket(async (socket) => {
    await notify(socket.address, { STATUS: 'bad:\nSTOPPING=1\r\nMAINPID=1\0' })
    expect(socket.told).toEqual([{ STATUS: 'bad:\\nSTOPPING=1\\r\\nMAINPID=1\\x00' }])
  })
})

test('a missing listener is a fault', async () => {
  const sent = await notify('/nonexistent/socket', { READY: '1' })
  expect(sent).toMatchObject({ ok: false, error: { kind: 'io' } })
  expect(!sent.ok && sent.error.message).toContain('systemd-notify failed: Failed to notify')
})

test('a missing systemd-notify is a fault with its own message', async () => {
  vi.stubEnv('PATH', '/nonexistent')
  const sent = await notify('/nonexistent/socket', { READY: '1' })
  expect(!sent.ok && sent.error.message).toContain('systemd-notify is not on PATH')
})

test('a daemon is ready after 30 s at the latest, even if first cycles are still waiting', async () => {
  await withNotifySocket(async (socket) => {
    const since = new Date(0).toISOString()
    const status: FullStatus = {
      ...{ version: '1', pid: 1, started: since, at: since, resources: [] },
      stores: [{ name: 'etcdv3', state: 'waiting', since }],
    }
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const service = new ServiceNotifier({
      supervisor: { socket: socket.address },
      noop: false,
      emit: () => undefined,
      status: () => status,
      progress: new Progress(),
      stop: new AbortController().signal,
      stuck: () => undefined,
    })
    const uses = new Map([['web.toml', ['etcdv3']]])
    const of = { version: '1', backend: 'etcdv3', nodes: [], resources: 1, uses }
    service.note({ kind: 'started', ...of })
    vi.advanceTimersByTime(29_999)
    await until('its status', () => socket.count('STATUS') === 1)
    expect(socket.count('READY')).toBe(0)
    vi.advanceTimersByTime(1)
    await until('it is ready', () => socket.count('READY') === 1)
    expect(socket.last('STATUS')).toBe('no resources; etcdv3 is being read')
    await service.close()
  })
})
