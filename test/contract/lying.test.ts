// Runs lying.ts for each store. When a store is added to the registry, the first test fails until this file lists the
// store with a lying server, or with the reason why it cannot have one.
import { describe, expect, test } from 'vitest'
import { storeNames } from '../../src/stores/registry.ts'
import { consul, consulCatalog } from '../support/lying/consul.ts'
import { etcdv2 } from '../support/lying/etcdv2.ts'
import { etcdv3 } from '../support/lying/etcdv3.ts'
import { keysFiles } from '../support/lying/file.ts'
import { redis } from '../support/lying/redis.ts'
import { zookeeper } from '../support/lying/zookeeper.ts'
import { lying } from './lying.ts'

const stores: Readonly<Record<string, (() => void) | string>> = {
  etcdv3: () => lying(etcdv3),
  etcd: 'it is another name for etcdv3',
  etcdv2: () => lying(etcdv2),
  consul: () => lying(consul),
  'consul-catalog': () => lying(consulCatalog),
  zookeeper: () => lying(zookeeper),
  redis: () => lying(redis),
  file: () => lying(keysFiles),
  env: 'the environment comes from the kernel, as strings',
}

test('every store is listed', () => {
  expect(Object.keys(stores).sort()).toEqual([...storeNames].sort())
})

for (const [name, lies] of Object.entries(stores)) {
  if (typeof lies === 'function') lies()
  else describe(`lies: ${name}`, () => test(`deviates: ${lies}`, () => undefined))
}
