// Stores other than the default store: [stores.NAME] in confd.toml and [backend] in a resource.
import { expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { loadResources } from '../../src/config/resources.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'

async function load(confd: string, resource: string): Promise<string> {
  const confdir = await folderOf({
    'confd.toml': confd,
    'templates/a.njk': '',
    'conf.d/a.toml': resource,
  })
  const told = (text: string): string => text.replaceAll(confdir, 'DIR')
  const command = await loadSettings(
    ['-onetime', '-confdir', confdir, '-conf-file', `${confdir}/confd.toml`],
    {
      HOME: '/home/x',
    },
  )
  if (!command.ok) return told(command.error.faults.map(formatFault).join('\n'))
  if (command.value.kind !== 'run') throw new Error('no run')
  const loaded = await loadResources(command.value.settings)
  if (!loaded.ok) return told(loaded.error.map(formatFault).join('\n'))
  const [template] = loaded.value.resources[0]?.templates ?? []
  const stores = [...loaded.value.stores].map(([name, { backend }]) => `${name}=${backend}`)
  return [template?.prefix, ...(template?.keys ?? []), ...stores].join(' ')
}

const template = (keys: string): string =>
  `[template]\nsrc = "a.njk"\ndest = "/tmp/a"\nprefix = "/p"\nkeys = [${keys}]\n`
const vault = '[stores.vault2]\nbackend = "consul"\nnodes = ["127.0.0.1:8500"]\n'

test('a key names its store; the prefix is that of the default one', async () => {
  expect(await load(vault, template('"/app", "vault2:/secret"'))).toBe('/p /app /vault2:/secret')
})

test('keys ignore case', async () => {
  const confd = vault.replace('stores', 'Stores').replace('backend', 'Backend')
  expect(await load(confd, template('"vault2:/secret"'))).toBe('/p /vault2:/secret')
})

test('[backend] of a resource: the default store, a named one, or one of its own', async () => {
  const own = (node: string): string =>
    `${template('"/app"')}[backend]\nbackend = "consul"\nnodes = ["${node}"]\n`
  expect(await load(vault, own('127.0.0.1:8500'))).toBe('/vault2:/p /app vault2=consul')
  expect(await load('backend = "consul"\nnodes = ["c:1"]\n', own('c:1'))).toBe('/p /app')
  expect(await load(vault, own('c:2'))).toMatch(
    /^\/consul-([0-9a-f]{6}):\/p \/app consul-\1=consul$/,
  )
})

test.each([
  ['[stores.v]\nbackend = "consul"\nnode = "x"\n', 'node must be an array of strings'],
  [
    '[stores.v]\nbackend = "consul"\nconsul_near = "_agent"\n',
    'consul_near has no effect with backend consul',
  ],
  ['[stores.v]\nfile = ["x"]\nclient_cert = "x"\n', 'client_cert has no effect with backend file'],
  ['[stores.v]\nbackend = "env"\nprefix = "/x"\n', 'prefix has no effect in the table of a store'],
  ['[stores.v]\nbackend = "konsul"\n', 'backend: "konsul" is not'],
  ['[stores.v]\nbackend = "consul"\ninterval = 5\n', 'not a setting of a store: interval'],
  ['[stores.v]\nbackend = "consul"\nnods = []\n', 'did you mean nodes?'],
  ['[stores."a b"]\nbackend = "env"\n', '"a b" is not a valid store name'],
  ['[stores.v]\nnodes = ["x"]\n', 'stores.v has no backend'],
  ['[stores.v]\nbackend = "file"\n', 'stores.v has no file to read'],
  ['stores = 1\n', 'stores must be a table, not an integer'],
  ['[stores]\nv = 1\n', 'stores.v must be a table, not an integer'],
])('refused in confd.toml: %j', async (confd, message) => {
  const text = await load(confd, template('"/app"'))
  expect(text).toContain(message)
  expect(text).toMatch(/DIR\/confd\.toml:\d+:\d+/)
  expect(text.match(/confd\.toml:\d+/g)).toHaveLength(1)
})

test.each([
  [template('"vault3:/x"'), 'unknown store vault3'],
  [template('"vault3:/x"'), 'did you mean vault2?'],
  [`${template('"/x"')}[backend]\nbackend = "konsul"\n`, 'backend: "konsul" is not'],
  [`backend = "consul"\n${template('"/x"')}`, 'backend must be a table, not a string'],
])('refused in a resource: %j', async (resource, message) => {
  const text = await load(vault, resource)
  expect(text).toContain(message)
  expect(text).toMatch(/DIR\/conf\.d\/a\.toml:\d+:\d+/)
})

test('a secret of a store, set twice', async () => {
  const twice = `${vault}password = "s3cret"\npassword_file = "/p"\n`
  const told = await load(twice, template('"vault2:/a"'))
  expect(told).toContain('stores.vault2: password and password-file are both set')
  expect(told).not.toContain('s3cret')
})
