// The stores of trials: the flags with which the program reaches them, and how a trial writes to them.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EtcdV3Client, StoreClient } from '../support/clients.ts'
import { removeDir, tempDir } from '../support/process.ts'

export interface TrialStore {
  /** `-backend` with `-node` or `-file`. */
  readonly args: readonly string[]
  /** Writes all keys in one transaction. Throws if the store is unreachable. */
  put(keys: ReadonlyMap<string, string>): Promise<void>
}

/**
 * Returns a store for a running server. The program reaches the server at `nodes`, which may be the address of a
 * proxy.
 */
export function serverStore(
  backend: 'etcdv3' | 'consul',
  client: Pick<StoreClient, 'putAll'>,
  nodes: readonly string[],
): TrialStore {
  return {
    args: ['-backend', backend, ...nodes.flatMap((node) => ['-node', node])],
    put: (keys) => client.putAll(keys),
  }
}

let orders = 0

/**
 * Returns an etcd store. A stopped member may still execute a write from its buffers after the client has abandoned the
 * write. So writes are numbered, and etcd refuses a write that comes after one with a higher number.
 */
export function etcdStore(client: EtcdV3Client, nodes: readonly string[]): TrialStore {
  const order = base64(`/order/${process.pid}/${++orders}`)
  let writes = 0
  return {
    args: serverStore('etcdv3', client, nodes).args,
    async put(keys) {
      const number = base64(String(++writes).padStart(9, '0'))
      const all = [[order, number], ...[...keys].map((entry) => entry.map(base64))]
      const compare =
        writes === 1 ? [] : [{ key: order, target: 'VALUE', result: 'LESS', value: number }]
      const success = all.map(([key, value]) => ({ request_put: { key, value } }))
      const { succeeded } = await client.post('kv/txn', { compare, success })
      if (succeeded !== true) throw new Error('a later write has been done already')
    },
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** Returns a store in one JSON file. Each write replaces the file by a rename. */
export function fileStore(): TrialStore & { close(): void } {
  const folder = tempDir('keys')
  const file = join(folder, 'live', 'keys.json')
  mkdirSync(join(folder, 'live'))
  writeFileSync(file, '{}')
  return {
    args: ['-backend', 'file', '-file', file],
    async put(keys) {
      const fresh = join(folder, 'fresh.json')
      writeFileSync(fresh, JSON.stringify(nested(keys)))
      renameSync(fresh, file)
    },
    close: () => removeDir(folder),
  }
}

type Tree = { [name: string]: string | Tree }

/** Converts `/a/b` = `1` into `{ "a": { "b": "1" } }`. */
function nested(keys: ReadonlyMap<string, string>): Tree {
  const root: Tree = {}
  for (const [key, value] of keys) {
    const names = key.slice(1).split('/')
    const last = names.pop() as string
    let at = root
    for (const name of names) at = (at[name] ??= {}) as Tree
    at[last] = value
  }
  return root
}
