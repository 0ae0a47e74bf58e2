// The stores of the trials: how the program is pointed at them, and how a trial writes to them.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EtcdV3Client, StoreClient } from '../support/clients.ts'
import { removeDir, tempDir } from '../support/process.ts'

export interface TrialStore {
  /** `-backend`, and `-node` or `-file`. */
  readonly args: readonly string[]
  /** Writes all keys in one transaction; throws when the store is away. */
  put(keys: ReadonlyMap<string, string>): Promise<void>
}

/** A store by its server: `nodes` are where the program reaches it, which may be a proxy. */
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
 * An etcd. A write that was given up may yet be done, from the buffers of a member that was stopped:
 * each write has a number, and none is done after one with a higher number.
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

/** One JSON file, replaced by rename. */
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

/** `/a/b` = `1` as `{ "a": { "b": "1" } }`. */
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
