// `[template.guard]`, for_each and the settings of a template's destination: valid and invalid values.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { faultLines, good, load } from './load.ts'

const keyed = `${good}keys = ["/web"]\n`
const guarded = (lines: string): string => `${keyed}[template.guard]\n${lines}\n`
const each = (dest: string, more = 'for_each = "/web/*"\n'): string =>
  keyed.replace('/tmp/a', dest) + more

const templateOf = async (toml: string) => {
  const { resources, text } = await load({ 'conf.d/a.toml': toml })
  expect(text).toBe('')
  return resources[0]?.templates[0]
}

describe('guards', () => {
  test.each<[string, object]>([
    ['', { allowEmpty: false }],
    ['min_keys = 3', { minKeys: 3, allowEmpty: false }],
    ['min_keys = 0\nallow_empty = true', { minKeys: 0, allowEmpty: true }],
    ['max_removed = "50%"', { maxRemoved: { kind: 'share', percent: 50 }, allowEmpty: false }],
    ['max_removed = 4', { maxRemoved: { kind: 'count', most: 4 }, allowEmpty: false }],
    ['max_shrink = "0%"', { maxShrink: { kind: 'share', percent: 0 }, allowEmpty: false }],
    ['settle = "2s"', { allowEmpty: false, settle: 2000 }],
    ['max_shrink = 1024', { maxShrink: { kind: 'count', most: 1024 }, allowEmpty: false }],
  ])('%s', async (lines, guard) => {
    expect((await templateOf(guarded(lines)))?.guard).toEqual({
      settle: 5000,
      groups: [],
      ...guard,
    })
  })

  test('inline, dotted, and one for each [[template]]', async () => {
    expect((await templateOf(`${keyed}guard = { min_keys = 1 }\n`))?.guard).toMatchObject({
      minKeys: 1,
    })
    expect((await templateOf(`${keyed}guard.min_keys = 1\n`))?.guard).toMatchObject({ minKeys: 1 })
    const second = guarded('min_keys = 2').replace('/tmp/a', '/tmp/b')
    const toml = (guarded('min_keys = 1') + second).replaceAll('[template]', '[[template]]')
    const { resources } = await load({ 'conf.d/a.toml': toml })
    expect(resources[0]?.templates).toMatchObject([
      { guard: { minKeys: 1 } },
      { guard: { minKeys: 2 } },
    ])
    expect((await templateOf(good))?.guard).toBeUndefined()
  })

  test('groups, with the prefix before their patterns', async () => {
    const toml = `${keyed}prefix = "/p[1]"\n[[template.guard.group]]\nkeys = "/web/*"\nmin_keys = 2\nmax_removed = "50%"\n`
    expect((await templateOf(toml))?.guard?.groups).toEqual([
      { pattern: '/p\\[1]/web/*', minKeys: 2, maxRemoved: { kind: 'share', percent: 50 } },
    ])
  })

  test('allow_empty of the resource, unless the guard says otherwise', async () => {
    const allowed = (toml: string) => templateOf(`allow_empty = true\n${toml}`)
    expect((await allowed(guarded('')))?.guard?.allowEmpty).toBe(true)
    expect((await allowed(guarded('allow_empty = false')))?.guard?.allowEmpty).toBe(false)
    const { resources } = await load({ 'conf.d/a.toml': good }, ['-allow-empty'])
    expect(resources[0]?.allowEmpty).toBe(true)
    const own = `allow_empty = false\n${guarded('')}`
    const { resources: tight } = await load({ 'conf.d/a.toml': own }, ['-allow-empty'])
    expect(tight[0]).toMatchObject({
      allowEmpty: false,
      templates: [{ guard: { allowEmpty: false } }],
    })
  })

  test.each<[string, string]>([
    ['', '5:1: keys is missing'],
    ['keys = "/web/*"', '5:1: the group has no limit / add min_keys = 2 or max_removed = "50%"'],
    ['keys = "/web/["\nmin_keys = 1', '6:8: keys: syntax error in pattern "/web/["'],
    [
      'keys = "/db/*"\nmin_keys = 1',
      '6:8: /db/* cannot match any key of the template / change the pattern: the keys of the template are /web',
    ],
  ])('a bad group: %s', async (lines, expected) => {
    const told = await faultLines(`${keyed}[[template.guard.group]]\n${lines}\n`)
    expect(told.filter((line) => !/^ +\d* \|/.test(line)).join(' / ')).toBe(
      expected.replace(' / ', ' /   '),
    )
  })

  const limit = 'is not a whole number, or a share such as "50%"'
  test.each<[string, string[]]>([
    ['max_remove = 1', ['6:1: unknown key max_remove', '  did you mean max_removed?']],
    [
      'colour = 1',
      [
        '6:1: unknown key colour',
        '  use one of min_keys, max_removed, max_shrink, allow_empty, settle, group',
      ],
    ],
    ['min_keys = -1', ['6:12: min_keys must be at least 0']],
    ['min_keys = 1.5', ['6:12: min_keys must be an integer, not a float']],
    ['min_keys = "1"', ['6:12: min_keys must be an integer, not a string']],
    ['max_removed = "50"', [`6:15: max_removed: "50" ${limit}`]],
    ['max_removed = "101%"', [`6:15: max_removed: "101%" ${limit}`]],
    ['max_removed = -1', [`6:15: max_removed: -1 ${limit}`]],
    ['max_removed = 0.5', [`6:15: max_removed: 0.5 ${limit}`]],
    ['max_shrink = nan', [`6:14: max_shrink: NaN ${limit}`]],
    [
      'max_shrink = true',
      ['6:14: max_shrink must be a whole number, or a share such as "50%", not a boolean'],
    ],
    ['allow_empty = "yes"', ['6:15: allow_empty must be true or false, not a string']],
  ])('%s', async (lines, expected) => {
    const told = await faultLines(guarded(lines))
    expect(told.filter((line) => !/^ +\d* *\|/.test(line))).toEqual(expected)
  })

  test.each<[string, string, string[]]>([
    [
      'not a table',
      `${keyed}guard = true\n`,
      [
        '5:9: guard must be a table, not a boolean',
        '  4 | keys = ["/web"]',
        '  5 | guard = true',
        '    |         ^',
        '  write [template.guard] on a line of its own',
      ],
    ],
    [
      'several',
      `${keyed}[[template.guard]]\nmin_keys = 1\n`,
      [
        '5:1: guard must be a table, not an array',
        '  4 | keys = ["/web"]',
        '  5 | [[template.guard]]',
        '    | ^',
        '  write [template.guard] on a line of its own',
      ],
    ],
    [
      'above [template]',
      `${keyed}[guard]\nmin_keys = 1\n`,
      [
        '5:1: unknown key guard',
        '  4 | keys = ["/web"]',
        '  5 | [guard]',
        '    | ^',
        '  write [template.guard]',
      ],
    ],
    [
      'nothing to read',
      `${good}[template.guard]\nmax_removed = 1\n`,
      [
        '4:1: the guard would hold every change: the template has no keys',
        '  3 | dest = "/tmp/a"',
        '  4 | [template.guard]',
        '    | ^',
        '  add the keys that the template looks up, as in keys = ["/services/web"]',
      ],
    ],
  ])('%s', async (_, toml, expected) => {
    expect(await faultLines(toml)).toEqual(expected)
  })

  test('without keys it is valid if an empty render passes', async () => {
    const toml = `${good}[template.guard]\nallow_empty = true\nmax_shrink = "10%"\n`
    expect((await templateOf(toml))?.guard?.allowEmpty).toBe(true)
  })
})

describe('for_each', () => {
  test.each([
    ['/sites/{{ base(item.key) }}.conf', '/sites/{{ base(item.key) }}.conf'],
    ['/sites/x-{{ a }}/{{ b }}', '/sites/x-{{ a }}/{{ b }}'],
    ['/a/../sites//{{ "../x//y" }}', '/sites/{{ "../x//y" }}'],
    ['out/{{ a }}', `${join(process.cwd(), 'out')}/{{ a }}`],
    ['./{{ a }}', `${process.cwd()}/{{ a }}`],
  ])('dest %s', async (dest, expected) => {
    expect(await templateOf(each(dest.replaceAll('"', '\\"')))).toMatchObject({
      dest: expected,
      forEach: '/web/*',
    })
  })

  test('the pattern is a key like any other', async () => {
    const toml = each('/sites/{{ a }}', 'for_each = "web/n?//[ab]/"\n')
    expect(await templateOf(toml)).toMatchObject({ forEach: '/web/n?/[ab]' })
  })

  test.each<[string, string, string[]]>([
    [
      'dest is the same for all',
      each('/tmp/a'),
      [
        '3:8: with for_each every match would write the same file: dest contains no {{',
        '  use the match in dest, as in dest = "/etc/nginx/sites/{{ base(item.key) }}.conf"',
      ],
    ],
    ...['{{ a }}', '/{{ a }}', '/a/../{{ a }}', '/{% if a %}x/{% endif %}{{ a }}', 'a{{ b }}'].map(
      (dest): [string, string, string[]] => [
        `no folder: ${dest}`,
        each(dest),
        [
          '3:8: dest does not begin with a fixed folder',
          '  begin dest with the folder that contains all its files, as in dest = "/etc/nginx/sites/{{ base(item.key) }}.conf"',
        ],
      ],
    ),
    [
      'dest is a template without for_each',
      each('/sites/{{ a }}', ''),
      [
        '3:8: dest is a template, but for_each is not set',
        '  set for_each = "/vhosts/*" to write one file for each match',
      ],
    ],
    [
      'a statement in dest without for_each',
      each('/sites/{% if a %}b{% endif %}', ''),
      [
        '3:8: dest is a template, but for_each is not set',
        '  set for_each = "/vhosts/*" to write one file for each match',
      ],
    ],
    [
      'bad pattern',
      each('/sites/{{ a }}', 'for_each = "/web/[a"\n'),
      [
        '5:12: for_each: syntax error in pattern "/web/[a"',
        '  correct the pattern: its special characters are *, ?, [a-z] and \\',
      ],
    ],
    [
      'outside of keys',
      each('/sites/{{ a }}', 'for_each = "/vhosts/*"\n'),
      [
        '5:12: for_each cannot match anything: keys does not include /vhosts',
        '  add /vhosts to the keys of this template',
      ],
    ],
    [
      'not a string',
      each('/tmp/a', 'for_each = ["/vhosts/*"]\n'),
      [
        '5:12: for_each must be a string, not an array',
        '  write one string, as in for_each = "..."',
      ],
    ],
    [
      'one command for many files',
      `group_check_cmd = "c {{.dest}}"\n${each('/sites/{{ a }}')}`,
      [
        '1:19: group_check_cmd runs once for all files, and {{.dest}} would name only one',
        '  write the path itself',
      ],
    ],
  ])('%s', async (_, toml, expected) => {
    const told = await faultLines(toml)
    expect(told.filter((line) => !/^ +\d* *\|/.test(line))).toEqual(expected)
  })

  test('the same files twice; other keys may go to the same folder', async () => {
    const twice = { 'conf.d/a.toml': each('/s/{{ a }}'), 'conf.d/b.toml': each('/s/{{ a }}') }
    expect((await load(twice)).text.split('\n')[0]).toBe(
      'conf.d/b.toml:3:8: dest /s/{{ a }} is already written by conf.d/a.toml:3',
    )
    const apart = { ...twice, 'conf.d/b.toml': `${twice['conf.d/b.toml']}prefix = "/x"\n` }
    expect((await load(apart)).text).toBe('')
  })
})

describe('the destination', () => {
  test('follow_symlinks and mkdirs', async () => {
    expect(await templateOf(`${good}follow_symlinks = false\nmkdirs = true\n`)).toMatchObject({
      followSymlinks: false,
      mkdirs: true,
    })
    expect(await templateOf(good)).toMatchObject({ followSymlinks: true, mkdirs: false })
  })

  test('adopt and backup', async () => {
    const each = good.replace('"/tmp/a"', '"/tmp/a/{{ base(item.key) }}"')
    const keys = 'for_each = "/v/*"\nkeys = ["/v"]\nadopt = true\nbackup = true\n'
    expect(await templateOf(each + keys)).toMatchObject({ adopt: true, backup: true })
    expect(await templateOf(good)).not.toHaveProperty('adopt')
    expect(await faultLines(`${good}adopt = true\n`)).toContain(
      '4:9: adopt is for templates with for_each',
    )
  })

  test('sensitive covers each command', async () => {
    const spec = await templateOf(`${good}sensitive = true\ncheck_cmd = "true"\n`)
    expect(spec).toMatchObject({ sensitive: true })
  })

  test.each(['follow_symlinks', 'mkdirs', 'adopt', 'backup'])('%s is a boolean', async (key) => {
    expect((await faultLines(`${good}${key} = 1\n`))[0]).toMatch(
      new RegExp(`: ${key} must be true or false, not an integer$`),
    )
  })
})
