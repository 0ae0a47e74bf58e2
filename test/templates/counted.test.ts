// Guards must count only the keys that a template uses, not all keys that its look-ups find.
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { countedKeys } from '../../src/core/guard.ts'
import { entryOf, type Key } from '../../src/core/key.ts'
import { treeOf } from '../../src/core/tree.ts'
import { createRenderer } from '../../src/templates/render.ts'

const service = (name: string, tags: readonly string[]): string =>
  JSON.stringify({ name, address: '10.0.0.1', port: 80, tags })

/** Three services and two other keys. The service `gone` has no instances. */
const tree = treeOf(
  new Map<Key, string>([
    [entryOf('/services/shop'), '{"name":"shop","tags":["lb"]}'],
    [entryOf('/services/other'), '{"name":"other","tags":[]}'],
    [entryOf('/services/gone'), '{"name":"gone","tags":["lb"]}'],
    ['/services/shop/n1', service('shop', ['lb', 'blue'])],
    ['/services/shop/n2', service('shop', ['lb', 'green'])],
    ['/services/other/n1', service('other', [])],
    ['/app/a/x', '1'],
    ['/app/b/x', '2'],
  ]),
)

async function counted(template: string, keys: readonly Key[] = ['/services']) {
  const src = join('/templates', 't.njk')
  const renderer = createRenderer('/templates', { texts: new Map([[src, template]]) })
  const spec = { src, dest: '/x', prefix: '/', keys, trimBlocks: true, lstripBlocks: true } as const
  const more = { checkTimeout: 0, reloadTimeout: 0, followSymlinks: true, mkdirs: false }
  const scope = { store: 's', prefix: '/', keys, counts: true } as const
  const rendered = await renderer.render({ ...spec, ...more }, tree, scope)
  if (!rendered.ok) throw new Error(rendered.error.fault.message)
  return [...countedKeys([rendered.value.reads])].sort()
}

test.each<[string, string, readonly string[]]>([
  [
    'the services with a tag, of all that are listed',
    '{% for x in services() %}{% if "lb" in x.tags %}{{ service(x.name) | length }}{% endif %}{% endfor %}',
    ['/services/shop/n1', '/services/shop/n2'],
  ],
  ['the instances with a tag', '{{ service("shop", "blue") | length }}', ['/services/shop/n1']],
  ['names alone are not keys', '{{ services() | length }}', []],
])('of services: %s', async (_, template, expected) => {
  expect(await counted(template)).toEqual(expected)
})

test('of other stores a listed name counts, unless keys below it do', async () => {
  expect(await counted('{{ ls("/app") | length }}', ['/app'])).toEqual(['/app/a', '/app/b'])
  const both = '{{ ls("/app") | length }}{{ getv("/app/a/x") }}'
  expect(await counted(both, ['/app'])).toEqual(['/app/a/x', '/app/b'])
})
