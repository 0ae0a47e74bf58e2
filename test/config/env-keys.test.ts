// Keys of the env store, as confd reads them: case is ignored, and `/` and `_` are equivalent.
import { expect, test } from 'vitest'
import { resourceKeys } from '../../src/core/resource.ts'
import { load } from './load.ts'

/** Loads a resource with these lines. Returns its keys with their prefix, and the prefix of its template. */
async function selected(lines: string, toml = '') {
  const { resources, text } = await load(
    {
      'conf.d/a.toml': `[template]\nsrc = "a.njk"\ndest = "/out"\n${lines}\n`,
      'confd.toml': toml,
    },
    ['-backend', 'env'],
  )
  expect(text).toBe('')
  return { keys: resourceKeys(resources), prefix: resources[0]?.templates[0]?.prefix }
}

test.each([
  ['/shop/db/url', '/shop/db/url'],
  ['/SHOP_DB_URL', '/shop/db/url'],
  ['SHOP_DB_URL', '/shop/db/url'],
  ['/shop_db_url', '/shop/db/url'],
  ['/Shop', '/shop'],
  ['/', '/'],
])('keys = ["%s"]', async (key, expected) => {
  expect(await selected(`keys = ["${key}"]`)).toEqual({ keys: [expected], prefix: '/' })
})

test('a prefix is removed only if it is written like the keys of the store', async () => {
  const keys = 'keys = ["/url"]'
  expect(await selected(`prefix = "/shop/db"\n${keys}`)).toEqual({
    keys: ['/shop/db/url'],
    prefix: '/shop/db',
  })
  for (const prefix of ['/shop_db', '/SHOP/DB']) {
    expect(await selected(`prefix = "${prefix}"\n${keys}`)).toEqual({
      keys: ['/shop/db/url'],
      prefix: '/',
    })
  }
})

test('a resource with a store of its own', async () => {
  const { resources, text } = await load({
    'conf.d/a.toml':
      '[backend]\nbackend = "env"\n[template]\nsrc = "a.njk"\ndest = "/out"\nkeys = ["/SHOP_DB"]\n',
  })
  expect(text).toBe('')
  expect(resourceKeys(resources)).toEqual([expect.stringMatching(/^\/env-[0-9a-f]{6}:\/shop\/db$/)])
})

test('several variables that map to the same key', async () => {
  const env = { SHOP_DB: 'a', shop_db: 'b', SHOP__DB: 'c', OTHER_X: 'd', other_x: 'e' }
  const files = { 'conf.d/a.toml': '[template]\nsrc = "a.njk"\ndest = "/out"\nkeys = ["/shop"]\n' }
  const { notices } = await load(files, ['-backend', 'env'], env)
  expect(notices.map(({ message }) => message)).toEqual([
    'the environment variables SHOP_DB, SHOP__DB, shop_db map to the same key, /shop/db: the value of SHOP_DB is used',
  ])
  expect((await load(files, ['-backend', 'etcd'], env)).notices).toEqual([])
})
