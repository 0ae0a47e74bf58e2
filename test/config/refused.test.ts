// An invalid file in conf.d may affect only itself and its group.
import { expect, test } from 'vitest'
import { loadResources, type LoadedResources } from '../../src/config/resources.ts'
import { folderOf } from './folder.ts'
import { settingsFor } from './load.ts'

const resource = (dest: string, above = '', keys = '"/a"'): string =>
  `${above}[template]\nsrc = "a.njk"\ndest = "${dest}"\nkeys = [${keys}]\n`
const bad = (dest: string, above = ''): string => `${resource(dest, above)}colour = "x"\n`

async function load(files: Record<string, string>, former?: LoadedResources, argv: string[] = []) {
  const confdir = await folderOf({
    'templates/a.njk': 'a',
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`conf.d/${name}`, text])),
  })
  const settings = await settingsFor(confdir, ['-failure-mode', 'best-effort', ...argv])
  const loaded = await loadResources(settings, former)
  if (!loaded.ok) throw new Error(loaded.error.map(({ message }) => message).join('\n'))
  return loaded.value
}

const summary = ({ resources, refused }: LoadedResources) => ({
  served: resources.map(({ name, templates }) => `${name}: ${templates[0]?.dest}`),
  refused: refused.map(
    ({ name, faults, isKept }) =>
      `${name}${isKept ? ' kept' : ''}: ${faults.map(({ message }) => message).join(', ')}`,
  ),
})

test('the others are served', async () => {
  const loaded = await load({
    'a.toml': resource('/tmp/a'),
    'b.toml': bad('/tmp/b'),
    'c.toml': 'no toml',
    'd.toml': resource('/tmp/a'),
  })
  expect(summary(loaded)).toEqual({
    served: ['a.toml: /tmp/a'],
    refused: [
      'b.toml: unknown key colour',
      expect.stringMatching(/^c\.toml: TOML syntax/),
      expect.stringMatching(/^d\.toml: dest \/tmp\/a is already written by /),
    ],
  })
})

test('the previous definition stays in use, as far as it still fits', async () => {
  const former = await load({
    'a.toml': resource('/tmp/a'),
    'b.toml': resource('/tmp/b'),
    'c.toml': resource('/tmp/c'),
  })
  const now = await load(
    { 'a.toml': bad('/tmp/new'), 'b.toml': 'no toml', 'c.toml': resource('/tmp/b') },
    former,
  )
  expect(summary(now)).toEqual({
    served: ['a.toml: /tmp/a', 'c.toml: /tmp/b'],
    refused: ['a.toml kept: unknown key colour', expect.stringMatching(/^b\.toml: TOML syntax/)],
  })
  const mended = await load({ 'a.toml': resource('/tmp/new') }, now)
  expect(summary(mended)).toEqual({ served: ['a.toml: /tmp/new'], refused: [] })
})

test('a group is served as a whole or not at all', async () => {
  const group = 'group = "g"\n'
  const files = {
    'a.toml': resource('/tmp/a', group),
    'b.toml': resource('/tmp/b', group),
    'x.toml': resource('/tmp/x'),
  }
  const broken = { ...files, 'b.toml': bad('/tmp/b', group) }
  expect(summary(await load(broken))).toEqual({
    served: ['x.toml: /tmp/x'],
    refused: [
      'b.toml: unknown key colour',
      'a.toml: b.toml, of the same group, is invalid, and the resources of a group change together or not at all',
    ],
  })
  const kept = await load(broken, await load(files))
  expect(summary(kept)).toEqual({
    served: ['a.toml: /tmp/a', 'b.toml: /tmp/b', 'x.toml: /tmp/x'],
    refused: ['b.toml kept: unknown key colour'],
  })
})

test('a previous definition whose store is gone is not kept', async () => {
  const toml = '[stores.other]\nbackend = "env"\n'
  const confdir = await folderOf({ 'confd.toml': toml })
  const files = { 'a.toml': resource('/tmp/a', '', '"other:/a"') }
  const former = await load(files, undefined, ['-conf-file', `${confdir}/confd.toml`])
  const now = await load({ 'a.toml': bad('/tmp/a') }, former)
  expect(summary(now)).toEqual({ served: [], refused: ['a.toml: unknown key colour'] })
})

test('-only: the resource with its group, even if others are invalid', async () => {
  const group = 'group = "g"\n'
  const files = {
    'a.toml': resource('/tmp/a', group),
    'b.toml': resource('/tmp/b', group),
    'sub/c.toml': resource('/tmp/c'),
    'bad.toml': bad('/tmp/x'),
  }
  const only = async (...names: string[]) =>
    summary(await load(files, undefined, ['-onetime', ...names.flatMap((name) => ['-only', name])]))
  expect((await only('a')).served).toEqual(['a.toml: /tmp/a', 'b.toml: /tmp/b'])
  expect(await only('sub/c.toml')).toEqual({ served: ['sub/c.toml: /tmp/c'], refused: [] })
  await expect(only('aa.toml')).rejects.toThrow('-only aa.toml: unknown resource')
})

test.each(['group = "g"\n', "  group='g' # edge\n"])(
  '%j of a file that is not TOML',
  async (above) => {
    const loaded = await load({
      'a.toml': resource('/tmp/a', 'group = "g"\n'),
      'b.toml': `${above}[template]\nsrc = "b.njk\n`,
      'c.toml': resource('/tmp/c', 'group = "other"\n'),
      'd.toml': '[template]\ngroup = "other"\nno toml\n',
    })
    expect(summary(loaded)).toMatchObject({
      served: ['c.toml: /tmp/c'],
      refused: [
        expect.stringMatching(/^b\.toml: TOML syntax/),
        expect.stringMatching(/^d\.toml: TOML syntax/),
        expect.stringMatching(/^a\.toml: b\.toml, of the same group, is invalid/),
      ],
    })
  },
)
