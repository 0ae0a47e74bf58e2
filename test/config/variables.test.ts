// ${NAME} in resources: expanded if enabled, and reported otherwise.
import { expect, test } from 'vitest'
import { briefly } from '../../src/core/fault.ts'
import { load } from './load.ts'

const env = { APP: 'shop', EMPTY: '' }

async function read(lines: string, argv: string[] = []) {
  const toml = `[template]\nsrc = "t.tmpl"\n${lines}\n`
  const files = { 'conf.d/a.toml': toml, 'templates/t.tmpl': 'x', 'templates/shop.tmpl': 'x' }
  const { resources, notices, text, confdir } = await load(files, argv, env)
  return {
    spec: resources[0]?.templates[0],
    notices: notices.map((one) => briefly(one).replaceAll(`${confdir}/`, '')),
    text,
  }
}

test('expanded with expand_env', async () => {
  const { spec, notices, text } = await read(
    'dest = "/out/${APP}.conf"\nkeys = ["/${APP}/a", "/${NONE:-b}", "/${EMPTY:-c}", "/$$x", "/$APP"]\n' +
      'prefix = "/${APP}"\nreload_cmd = "echo ${NONE}"\nexpand_env = true',
  )
  expect(text).toBe('')
  expect(spec).toMatchObject({
    dest: '/out/shop.conf',
    keys: ['/shop/a', '/b', '/c', '/$x', '/$APP'],
    prefix: '/shop',
    // Commands keep their variables, because the shell expands them.
    reloadCmd: 'echo ${NONE}',
  })
  expect(notices).toEqual([
    'conf.d/a.toml:4:61: keys contains $APP, which is literal text\n  write variables as ${APP}, and a dollar sign as $$',
  ])
})

test('for all resources', async () => {
  const lines = 'dest = "/out/${APP}"\nkeys = ["/"]'
  expect((await read(lines, ['-expand-env'])).spec?.dest).toBe('/out/shop')
  expect((await read(`${lines}\nexpand_env = false`, ['-expand-env'])).spec?.dest).toBe(
    '/out/${APP}',
  )
})

test('src is expanded before the template is looked for', async () => {
  const files = {
    'conf.d/a.toml':
      'expand_env = true\n[template]\nsrc = "${APP}.tmpl"\ndest = "/out/a"\nkeys = ["/"]\n',
    'templates/shop.tmpl': 'x',
  }
  const { resources, text } = await load(files, [], env)
  expect(text).toBe('')
  expect(resources[0]?.templates[0]?.src).toMatch(/templates\/shop\.tmpl$/)
})

test.each([
  ['dest = "/out/${NONE}"\nkeys = ["/"]', '3:8: the environment variable NONE is not set'],
  ['dest = "/out"\nkeys = ["/a", "/${NONE}"]', '4:15: the environment variable NONE is not set'],
  [
    'dest = "/out"\nkeys = ["/"]\nreload_cmd = "${NONE}/bin/x ${OTHER}"',
    '5:14: the environment variable NONE is not set',
  ],
])('unset without a default: %s', async (lines, fault) => {
  const { text } = await read(`${lines}\nexpand_env = true`)
  expect(text).toContain(`a.toml:${fault}`)
  expect(text).toContain('set it, or add a default: ${NONE:-default}')
  expect(text.match(/is not set/g)).toHaveLength(1)
})

test.each([
  ['dest = "/out/${APP}"', 'dest contains ${APP}', '${APP}'],
  ['dest = "/out"\nprefix = "/$APP"', 'prefix contains $APP', '${APP}'],
])('a notice without expand_env: %s', async (lines, what, name) => {
  const { notices, text } = await read(`${lines}\nkeys = ["/"]`)
  expect(text).toBe('')
  expect(notices).toHaveLength(1)
  expect(notices[0]).toContain(
    `${what}, which is literal text\n  set expand_env = true to replace ${name} from the environment`,
  )
})

test('a default contains no further variable', async () => {
  const { notices } = await read('dest = "/out/${A:-${B:-c}}"\nkeys = ["/"]\nexpand_env = true')
  expect(notices[0]).toContain('dest contains ${A:-')
})

test('keys that contain a template', async () => {
  const { notices } = await read('dest = "/out"\nkeys = ["/{{getenv \\"APP\\"}}"]')
  expect(notices[0]).toContain(
    'keys is not a template: {{getenv "APP"}} is literal text\n  for an environment variable, write ${APP} and set expand_env = true',
  )
})
