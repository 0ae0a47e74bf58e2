// Which files of conf.d are read, and which resources they define. faults.test.ts covers the faults.
import { execFileSync } from 'node:child_process'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plainReload } from '../../src/core/resource.ts'
import { loadResources } from '../../src/config/resources.ts'
import { folderOf } from './folder.ts'
import { good, load, settingsFor } from './load.ts'

test('keys ignore case, as in confd', async () => {
  const toml = '[Template]\nSrc = "a.njk"\nDest = "/tmp/a"\nKEYS = ["/x"]\nCheck_Cmd_Timeout = 5\n'
  const { resources, text } = await load({ 'conf.d/a.toml': toml })
  expect(text).toBe('')
  expect(resources).toMatchObject([
    { templates: [{ dest: '/tmp/a', keys: ['/x'], checkTimeout: 5000 }] },
  ])
  const bad = await load({ 'conf.d/a.toml': toml.replace('5', '"x"') })
  expect(bad.text).toContain('a.toml:5:21: check_cmd_timeout: "x" is not')
})

test('keys of tables below [template] ignore case', async () => {
  const { resources, text } = await load({
    'conf.d/a.toml': `
[Template]
src = "a.njk"
dest = "/tmp/a"
keys = ["/x"]
reload_cmd = "true"
[Template.Guard]
Min_Keys = 1
[[Template.Guard.Group]]
Keys = "/x/*"
Max_Removed = 2
[Template.HAProxy]
Socket = "/run/haproxy.sock"
[Backend]
Backend = "consul"
NODES = ["127.0.0.1:8500"]
`,
  })
  expect(text).toBe('')
  expect(resources[0]?.templates[0]).toMatchObject({
    guard: { minKeys: 1, groups: [{ maxRemoved: { most: 2 } }] },
    haproxy: { sockets: ['/run/haproxy.sock'] },
  })
})

test('a key that is set in two cases is a fault', async () => {
  const toml = '[template]\nsrc = "a.njk"\nSrc = "b.njk"\ndest = "/tmp/a"\n'
  const { text } = await load({ 'conf.d/a.toml': toml })
  expect(text).toContain('a.toml:3:1: Src and src are the same key, and both are set')
})

test('a resource with everything set', async () => {
  const toml = `
[template]
src = "a.njk"
dest = "/tmp/a"
keys = ["services/web/", "/x"]
prefix = "myapp"
mode = "0640"
uid = 12
group = "root"
check_cmd = "check {{.src}}"
reload_cmd = "docker inspect -f '{{.State}}' {{ dest }}"
engine = "nunjucks"
trim_blocks = false
lstrip_blocks = false
check_timeout = 5
reload_timeout = "1m30s"
debounce = "3s"
debounce_max = "9s"
`
  const { resources, confdir, text } = await load({ 'conf.d/a.toml': toml }, [
    '-prefix',
    '/production',
  ])
  expect(text).toBe('')
  expect(resources).toEqual([
    {
      name: 'a.toml',
      quiet: 3000,
      quietMax: 9000,
      holdDown: 0,
      allowEmpty: false,
      reload: plainReload,
      templates: [
        {
          src: join(confdir, 'templates/a.njk'),
          dest: '/tmp/a',
          prefix: '/production/myapp',
          keys: ['/services/web', '/x'],
          engine: 'nunjucks',
          trimBlocks: false,
          lstripBlocks: false,
          mode: 0o640,
          uid: 12,
          gid: 0,
          checkCmd: 'check {{.src}}',
          reloadCmd: "docker inspect -f '{{.State}}' {{ dest }}",
          checkTimeout: 5000,
          reloadTimeout: 90_000,
          followSymlinks: true,
          mkdirs: false,
        },
      ],
    },
  ])
})

test('a Go template with delimiters of its own', async () => {
  const toml = good.replace('a.njk', 'a.tmpl') + 'left_delim = "[["\nright_delim = "]]"\n'
  const { resources, text } = await load({ 'conf.d/a.toml': toml, 'templates/a.tmpl': 'x' })
  expect(text).toBe('')
  expect(resources[0]?.templates[0]).toMatchObject({ leftDelim: '[[', rightDelim: ']]' })
})

test('a number takes precedence over a name, as in confd, even if the name does not exist', async () => {
  const toml = `${good}uid = 65534\nowner = "root"\ngid = 0\ngroup = "nosuchgroup"\n`
  const { resources, notices, text } = await load({ 'conf.d/a.toml': toml })
  expect(text).toBe('')
  expect(resources[0]?.templates[0]).toMatchObject({ uid: 65534, gid: 0 })
  expect(notices?.map(({ message }) => message)).toEqual([
    'owner and uid are both set; uid takes precedence, as in confd',
    'group and gid are both set; gid takes precedence, as in confd',
  ])
})

test('a resource with only the required keys: the rest is absent or from the settings', async () => {
  const toml = `${good}mode = ""\nuid = -1\ngid = -1\nowner = ""\nreload_cmd = ""\nprefix = ""\n`
  const { resources, confdir } = await load({ 'conf.d/a.toml': toml })
  expect(resources).toEqual([
    {
      name: 'a.toml',
      holdDown: 0,
      allowEmpty: false,
      reload: plainReload,
      templates: [
        {
          src: join(confdir, 'templates/a.njk'),
          dest: '/tmp/a',
          prefix: '/',
          keys: [],
          trimBlocks: true,
          lstripBlocks: true,
          checkTimeout: 60_000,
          reloadTimeout: 60_000,
          followSymlinks: true,
          mkdirs: false,
        },
      ],
    },
  ])
})

test('several templates in one file; the longest quiet time counts, and the maximum follows it', async () => {
  const toml =
    '[[template]]\nsrc = "a.njk"\ndest = "/tmp/a"\ndebounce = 1\n' +
    '[[template]]\nsrc = "/b.njk"\ndest = "b"\ndebounce = "4s"\n'
  const { resources, confdir } = await load({ 'conf.d/ab.toml': toml })
  expect(resources).toMatchObject([
    {
      quiet: 4000,
      quietMax: 4000,
      templates: [
        { dest: '/tmp/a' },
        { src: join(confdir, 'templates/b.njk'), dest: join(process.cwd(), 'b') },
      ],
    },
  ])
})

test('files: sorted, folders included, only .toml, no hidden ones, links followed', async () => {
  const resource = (dest: string) => good.replace('/tmp/a', dest)
  const confdir = await folderOf({
    'templates/a.njk': '',
    'conf.d/z.toml': resource('/z'),
    'conf.d/sub/y.toml': resource('/y'),
    'conf.d/a.toml.bak': 'no [toml',
    'conf.d/README': 'no [toml',
    'conf.d/.#z.toml': 'no [toml',
    'conf.d/..2024/map.toml': resource('/map'),
  })
  await symlink('..2024', join(confdir, 'conf.d/..data'))
  await symlink('..data/map.toml', join(confdir, 'conf.d/map.toml'))
  await symlink('.', join(confdir, 'conf.d/loop'))
  // A named pipe without a writer: opening it for reading would block.
  execFileSync('mkfifo', [join(confdir, 'conf.d/pipe.toml')])
  const result = await loadResources(await settingsFor(confdir))
  expect(result.ok && result.value.resources.map(({ name }) => name)).toEqual([
    'map.toml',
    'sub/y.toml',
    'z.toml',
  ])
})

describe('notices', () => {
  test('nothing to do', async () => {
    const { notices, confdir } = await load({ 'conf.d/README': '' })
    expect(notices.map(({ message }) => message)).toEqual([
      `no resources: ${confdir}/conf.d contains no .toml file`,
    ])
  })

  const own = `${good}prefix = "/myapp"\n`
  const other = own.replace('/tmp/a', '/tmp/b')
  test.each([
    [
      'of both, -prefix typed',
      ['-prefix', '/production'],
      own,
      [
        '-prefix /production is joined with the prefix of the resource: /production/myapp (a.toml); older versions of confd used -prefix alone',
      ],
    ],
    [
      'of both, two resources',
      ['-prefix', '/production'],
      [own, other],
      [
        '-prefix /production is joined with the prefix of the resource: /production/myapp (a.toml and 1 more); older versions of confd used -prefix alone',
      ],
    ],
    ['only global', ['-prefix', '/production'], good, []],
    ['only own', [], own, []],
    ['the global one is /', ['-prefix', '/'], own, []],
  ])('prefix: %s', async (_, argv, toml, expected) => {
    const [a = '', b] = [toml].flat()
    const files = { 'conf.d/a.toml': a, ...(b === undefined ? {} : { 'conf.d/b.toml': b }) }
    const { notices } = await load(files, argv)
    expect(notices.map(({ message }) => message)).toEqual(expected)
  })
})

test('property: whatever a resource file contains, it gives resources, or faults with their position', async () => {
  const line = fc.oneof(
    fc
      .tuple(
        fc.constantFrom(
          'src',
          'dest',
          'keys',
          'mode',
          'uid',
          'owner',
          'check_cmd',
          'debounce',
          'engine',
          'left_delim',
          'group',
          'guard',
          'guard.max_removed',
          'for_each',
          'verify_cmd',
          'reload_attempts',
          'on_reload_failure',
          'splay',
          '__proto__',
          'constructor',
          'x',
        ),
        fc.constantFrom(
          '"a.njk"',
          '"/tmp/a"',
          '""',
          '1',
          '-1',
          '1.5',
          'nan',
          'true',
          '[]',
          '["/a", 1]',
          '[[]]',
          '{}',
          '1979-05-27',
          '"\\u0000"',
          '"{{x}}"',
          '"0644"',
          '"50%"',
          '"/x/[a"',
          '{min_keys = 1}',
        ),
      )
      .map(([key, value]) => `${key} = ${value}`),
    fc.constantFrom(
      '[template]',
      '[[template]]',
      '[template.src]',
      '[template.guard]',
      '[guard]',
      'template = 1',
      '[__proto__]',
      '',
    ),
    fc.string({ maxLength: 5 }),
  )
  const confdir = await folderOf({ 'templates/a.njk': '' })
  const settings = await settingsFor(confdir)
  const file = join(confdir, 'conf.d/a.toml')
  await mkdir(join(confdir, 'conf.d'))
  const head = fc.constantFrom('', '[template]\n', 'group = "edge"\n[[template]]\n')
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 8 }), head, async (lines, head) => {
      await writeFile(file, head + lines.join('\n'))
      const result = await loadResources(settings)
      if (result.ok) return
      expect(result.error.length).toBeGreaterThan(0)
      for (const fault of result.error) expect(fault).toMatchObject({ kind: 'config', file })
    }),
    { numRuns: 300 },
  )
})
