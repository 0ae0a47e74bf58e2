// Values of -node for stores that speak HTTP.
import { expect, test } from 'vitest'
import { parseHttpNode } from '../../src/core/http-node.ts'

const parse = (node: string, scheme: 'http' | 'https' = 'http') => parseHttpNode(node, scheme, 2379)

test.each([
  ['127.0.0.1:2379', 'http', 'http://127.0.0.1:2379', 'http://127.0.0.1:2379'],
  ['127.0.0.1:2379', 'https', 'https://127.0.0.1:2379', 'https://127.0.0.1:2379'],
  ['http://etcd:2379', 'https', 'http://etcd:2379', 'http://etcd:2379'],
  ['https://etcd:2379/', 'http', 'https://etcd:2379', 'https://etcd:2379'],
  ['[::1]:2379', 'http', 'http://[::1]:2379', 'http://[::1]:2379'],
  // A node without a scheme gets the default port of the store. A URL gets the default port of its scheme.
  ['etcd', 'http', 'http://etcd:2379', 'http://etcd:2379'],
  ['etcd', 'https', 'https://etcd:2379', 'https://etcd:2379'],
  ['[::1]', 'http', 'http://[::1]:2379', 'http://[::1]:2379'],
  ['https://etcd', 'http', 'https://etcd', 'https://etcd:443'],
  ['http://etcd', 'http', 'http://etcd', 'http://etcd:80'],
  ['etcd:80', 'http', 'http://etcd', 'http://etcd:80'],
  ['etcd:443', 'https', 'https://etcd', 'https://etcd:443'],
] as const)('%s with %s is %s', (node, scheme, origin, name) => {
  expect(parse(node, scheme)).toEqual({ ok: true, value: { origin, name } })
})

test('a Unix socket', () => {
  expect(parse('unix:///run/consul.sock')).toEqual({
    ok: true,
    value: {
      origin: 'http://localhost',
      name: 'unix:///run/consul.sock',
      socket: '/run/consul.sock',
    },
  })
})

test.each(['', 'ftp://etcd:1', 'etcd:99999', 'http://etcd:1/path', '::1', 'unix://run/x', 'a b'])(
  '%j is not a valid address',
  (node) => {
    const parsed = parse(node)
    if (parsed.ok) throw new Error(JSON.stringify(parsed.value))
    expect(parsed.error.message).toBe(`the node ${JSON.stringify(node)} is not a valid address`)
    expect(parsed.error.hint).toContain('host:port')
  },
)

test('a password in a node is refused and not repeated', () => {
  const refused = parse('http://me:secret@etcd:2379')
  expect(refused).toMatchObject({
    error: { message: 'the node etcd:2379 contains a user or a password' },
  })
  for (const node of [
    'http://me:secret@etcd:2379',
    'http://me:secret@etcd:999999',
    'http://etcd:1/?token=secret',
  ]) {
    expect(JSON.stringify(parse(node))).not.toContain('secret')
  }
})
