// Parses answers of `show servers state`.
import { expect, test } from 'vitest'
import { serversOf } from '../../src/haproxy/process.ts'

/** Bits of srv_admin_state in HAProxy's source (server-t.h). */
test.each([
  ['none', 0x00, false, false],
  ['maintenance', 0x01, true, false],
  ['maintenance of the tracked server', 0x02, false, false],
  ['disabled by the file, and enabled since', 0x04, false, false],
  ['disabled by the file', 0x05, true, false],
  ['drain', 0x08, false, true],
  ['drain of the tracked server', 0x10, false, false],
  ['a host name without an address', 0x20, false, false],
])('administrative state: %s', (_, state, isMaintained, isDrained) => {
  const columns = 'be_id be_name srv_id srv_name srv_addr srv_admin_state srv_uweight srv_port'
  const answer = `1\n# ${columns}\n3 web 1 n1 127.0.0.1 ${state} 7 80\n`
  const server = { name: 'n1', address: '127.0.0.1', port: 80, weight: 7 }
  expect(serversOf(answer)?.get('web')?.get('n1')).toEqual({ ...server, isMaintained, isDrained })
})
