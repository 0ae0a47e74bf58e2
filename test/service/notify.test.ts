// One message to a service manager, over a real socket.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { notify } from '../../src/service/notify.ts'
import { programs, withNotifySocket } from './notify-socket.ts'

beforeEach(() => {
  for (const [name, value] of Object.entries(programs())) vi.stubEnv(name, value)
})
afterEach(() => void vi.unstubAllEnvs())

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

test('what is told one after the other arrives in this order', async () => {
  await withNotifySocket(async (socket) => {
    for (const STATUS of ['1', '2', '3', '4', '5']) await notify(socket.address, { STATUS })
    expect(socket.told.map(({ STATUS }) => STATUS)).toEqual(['1', '2', '3', '4', '5'])
  })
})

test('a line break in a text sets no other variable', async () => {
  await withNotifySocket(async (socket) => {
    await notify(socket.address, { STATUS: 'bad:\nSTOPPING=1\r\nMAINPID=1\0' })
    expect(socket.told).toEqual([{ STATUS: 'bad: STOPPING=1 MAINPID=1 ' }])
  })
})

test('nobody at the other end is a fault', async () => {
  const sent = await notify('/nonexistent/socket', { READY: '1' })
  expect(sent).toMatchObject({ ok: false, error: { kind: 'io' } })
  expect(!sent.ok && sent.error.message).toContain('systemd-notify failed: Failed to notify')
})

test('a machine without systemd-notify is a fault that says so', async () => {
  vi.stubEnv('PATH', '/nonexistent')
  const sent = await notify('/nonexistent/socket', { READY: '1' })
  expect(!sent.ok && sent.error.message).toContain('systemd-notify is not on PATH')
})
