// Keys that apply to a whole resource: where they may appear, what they mean, and their faults.
import { describe, expect, test } from 'vitest'
import { briefly } from '../../src/core/fault.ts'
import { plainReload } from '../../src/core/resource.ts'
import { faultLines, good, load } from './load.ts'

const reload = `${good}reload_cmd = "r"\n`
const other = good.replace('/tmp/a', '/tmp/b')

describe('what it becomes', () => {
  const all = `
on_reload_failure = "rollback"
reload_attempts = 5
verify_cmd = "curl -f localhost"
verify_timeout = "3s"
verify_attempts = 7
group_check_cmd = "nginx -t"
min_reload_interval = "1m"
splay = 30
hold_down = "10s"
debounce = 1
debounce_max = 5
`
  const wanted = {
    holdDown: 10_000,
    quiet: 1000,
    quietMax: 5000,
    groupCheck: { command: 'nginx -t', timeout: 60_000 },
    reload: {
      onFailure: 'rollback',
      attempts: 5,
      verify: { command: 'curl -f localhost', timeout: 3000, attempts: 7 },
      minInterval: 60_000,
      splay: 30_000,
    },
  }

  test.each([
    ['above [template]', all + reload],
    ['inside [template]', reload + all],
    ['above [[template]]', all + `${reload}${other}`.replaceAll('[template]', '[[template]]')],
    [
      'in the second [[template]]',
      `${reload}${other}`.replaceAll('[template]', '[[template]]') + all,
    ],
    ['in both, the same', `${reload}${all}${other}${all}`.replaceAll('[template]', '[[template]]')],
    [
      'some here, some there',
      `group_check_cmd = "nginx -t"\n${reload}${all.replace(/group_check.*\n/, '')}`,
    ],
  ])('%s', async (_, toml) => {
    const { resources, notices, text } = await load({ 'conf.d/a.toml': toml })
    expect(text).toBe('')
    expect(notices).toEqual([])
    expect(resources).toMatchObject([wanted])
  })

  test('defaults, and those of the run; a resource’s own wins', async () => {
    const files = {
      'conf.d/a.toml': `verify_cmd = "v"\n${reload}`,
      'conf.d/b.toml': `splay = 0\nmin_reload_interval = "3s"\n${other}reload_cmd = "r"\n`,
    }
    const { resources } = await load(files)
    expect(resources).toMatchObject([
      { holdDown: 0, reload: { ...plainReload, verify: { timeout: 10_000, attempts: 3 } } },
      { reload: { ...plainReload, minInterval: 3000 } },
    ])
    const flags = ['-splay', '1m', '-min-reload-interval', '20s']
    expect((await load(files, flags)).resources).toMatchObject([
      { reload: { minInterval: 20_000, splay: 60_000 } },
      { reload: { minInterval: 3000, splay: 0 } },
    ])
  })

  test('empty strings are unset', async () => {
    const toml = `on_reload_failure = ""\nverify_cmd = ""\ngroup_check_cmd = ""\ngroup = ""\n${good}`
    const { resources } = await load({ 'conf.d/a.toml': toml })
    expect(resources).toMatchObject([{ reload: plainReload }])
    expect(resources[0]).not.toHaveProperty('group')
    expect(resources[0]).not.toHaveProperty('groupCheck')
  })

  test('the longest debounce counts, wherever it is set', async () => {
    const toml = `debounce = 9\n${good}debounce = 1\n${other}debounce = 4\n`
    const { resources } = await load({
      'conf.d/a.toml': toml.replaceAll('[template]', '[[template]]'),
    })
    expect(resources).toMatchObject([{ quiet: 9000, quietMax: 9000 }])
  })

  test('the group above [template] is not that of the file', async () => {
    const { resources, notices } = await load({
      'conf.d/a.toml': `group = "edge"\n${good}group = "root"\n`,
      'conf.d/b.toml': `group = "edge"\n${other}`,
    })
    expect(notices).toEqual([])
    expect(resources).toMatchObject([
      { group: 'edge', templates: [{ gid: 0 }] },
      { group: 'edge', templates: [{}] },
    ])
  })

  test('the check of a group has the longest check_timeout', async () => {
    const toml = `group_check_cmd = "c"\n${good}check_timeout = 5\n${other}check_timeout = 90\n`
    const { resources } = await load({
      'conf.d/a.toml': toml.replaceAll('[template]', '[[template]]'),
    })
    expect(resources[0]?.groupCheck?.timeout).toBe(90_000)
  })

  test('the path of a single file is inserted into its commands; placeholders of other programs stay', async () => {
    const toml = `group_check_cmd = "c {{.dest}} {{ src }}"\nverify_cmd = "docker inspect -f '{{.State}}' x"\n${reload}`
    const { resources } = await load({ 'conf.d/a.toml': toml })
    expect(resources[0]).toMatchObject({
      groupCheck: { command: 'c /tmp/a /tmp/a' },
      reload: { verify: { command: "docker inspect -f '{{.State}}' x" } },
    })
  })
})

describe('notices', () => {
  const idle = (line: number, key: string, why: string) =>
    `conf.d/a.toml:${line}:1: ${key} has no effect: ${why}`

  test.each<[string, string, string[]]>([
    [
      'attempts without rollback',
      `reload_attempts = 2\n${reload}`,
      [idle(1, 'reload_attempts', 'on_reload_failure is not "rollback"')],
    ],
    [
      'verify_timeout without verify_cmd',
      `${reload}verify_timeout = 2\nverify_attempts = 2\n`,
      [
        idle(5, 'verify_timeout', 'there is no verify_cmd'),
        idle(6, 'verify_attempts', 'there is no verify_cmd'),
      ],
    ],
    [
      'pace without reload_cmd',
      `splay = 2\nmin_reload_interval = 2\n${good}`,
      [
        idle(2, 'min_reload_interval', 'there is no reload_cmd'),
        idle(1, 'splay', 'there is no reload_cmd'),
      ],
    ],
    [
      'a group of one',
      `group = "edge"\n${good}`,
      ['conf.d/a.toml:1:9: a.toml is the only resource in its group "edge"'],
    ],
    ['retry, said aloud', `on_reload_failure = "retry"\n${good}`, []],
  ])('%s', async (_, toml, expected) => {
    const { notices, confdir, text } = await load({ 'conf.d/a.toml': toml })
    expect(text).toBe('')
    expect(notices.map((fault) => briefly(fault).replace(`${confdir}/`, ''))).toEqual(expected)
  })

  test('the reload of a group serves all of its members', async () => {
    const whole = 'group = "edge"\non_reload_failure = "rollback"\nverify_cmd = "v"\nsplay = 1\n'
    const { notices, text } = await load({
      'conf.d/a.toml': whole + good,
      'conf.d/b.toml': `group = "edge"\n${other}reload_cmd = "r"\n`,
    })
    expect(text).toBe('')
    expect(notices).toEqual([])
  })
})

describe('faults', () => {
  test.each<[string, string, string[]]>([
    [
      'two templates, two opinions',
      `${reload}splay = 1\n${other}splay = 2\n`.replaceAll('[template]', '[[template]]'),
      [
        '9:9: splay applies to the whole resource, but line 5 sets another value',
        '  8 | dest = "/tmp/b"',
        '  9 | splay = 2',
        '    |         ^',
        '  set it once, above the first [[template]]',
      ],
    ],
    [
      'above and inside',
      `hold_down = 1\n${good}hold_down = 2\n`,
      [
        '5:13: hold_down applies to the whole resource, but line 1 sets another value',
        '  4 | dest = "/tmp/a"',
        '  5 | hold_down = 2',
        '    |             ^',
        '  set it once, above the first [[template]]',
      ],
    ],
    [
      'rollback without reload_cmd',
      `on_reload_failure = "rollback"\n${good}`,
      [
        '1:21: on_reload_failure has no effect: there is no reload_cmd',
        '  1 | on_reload_failure = "rollback"',
        '    |                     ^',
        '  add a reload_cmd below [template], or remove this line',
      ],
    ],
    [
      'verify_cmd without reload_cmd',
      `${good}verify_cmd = "v"\n`,
      [
        '4:14: verify_cmd has no effect: there is no reload_cmd',
        '  3 | dest = "/tmp/a"',
        '  4 | verify_cmd = "v"',
        '    |              ^',
        '  add a reload_cmd below [template], or remove this line',
      ],
    ],
    [
      'a bad reload_cmd is not a missing one',
      `verify_cmd = "v"\n${good}reload_cmd = 1\n`,
      [
        '5:14: reload_cmd must be a string, not an integer',
        '  4 | dest = "/tmp/a"',
        '  5 | reload_cmd = 1',
        '    |              ^',
      ],
    ],
    [
      'on_reload_failure',
      `on_reload_failure = "rolback"\n${reload}`,
      [
        '1:21: on_reload_failure: "rolback" is not "retry" or "rollback"',
        '  1 | on_reload_failure = "rolback"',
        '    |                     ^',
        '  did you mean "rollback"?',
      ],
    ],
    [
      'on_reload_failure as a boolean',
      `on_reload_failure = true\n${reload}`,
      [
        '1:21: on_reload_failure must be a string, not a boolean',
        '  1 | on_reload_failure = true',
        '    |                     ^',
      ],
    ],
    [
      'no attempts',
      `reload_attempts = 0\n${reload}`,
      [
        '1:19: reload_attempts must be at least 1',
        '  1 | reload_attempts = 0',
        '    |                   ^',
      ],
    ],
    [
      'attempts as text',
      `verify_attempts = "3"\n${reload}`,
      [
        '1:19: verify_attempts must be an integer, not a string',
        '  1 | verify_attempts = "3"',
        '    |                   ^',
      ],
    ],
    [
      'no time to verify',
      `verify_timeout = 0\n${reload}`,
      [
        '1:18: verify_timeout: 0 is not a duration above zero',
        '  1 | verify_timeout = 0',
        '    |                  ^',
      ],
    ],
    [
      'hold_down',
      `hold_down = "-1s"\n${reload}`,
      [
        '1:13: hold_down: "-1s" is not a duration such as 10 (seconds), 250ms or 1m30s',
        '  1 | hold_down = "-1s"',
        '    |             ^',
      ],
    ],
    [
      'splay',
      `splay = inf\n${reload}`,
      [
        '1:9: splay: Infinity is not a duration such as 10 (seconds), 250ms or 1m30s',
        '  1 | splay = inf',
        '    |         ^',
      ],
    ],
    [
      'min_reload_interval',
      `min_reload_interval = [1]\n${reload}`,
      [
        '1:23: min_reload_interval must be a duration, not an array',
        '  1 | min_reload_interval = [1]',
        '    |                       ^',
      ],
    ],
    [
      'group_check_cmd',
      `group_check_cmd = ["nginx", "-t"]\n${reload}`,
      [
        '1:19: group_check_cmd must be a string, not an array',
        '  1 | group_check_cmd = ["nginx", "-t"]',
        '    |                   ^',
        '  write one string, as in group_check_cmd = "..."',
      ],
    ],
    [
      'group',
      `group = 5\n${reload}`,
      ['1:9: group must be a string, not an integer', '  1 | group = 5', '    |         ^'],
    ],
    [
      'a group of resources in place of the group of the file',
      `${good}group = "edge-of-nowhere"\n`,
      [
        '4:9: there is no group edge-of-nowhere on this machine',
        '  3 | dest = "/tmp/a"',
        '  4 | group = "edge-of-nowhere"',
        '    |         ^',
        '  run getent group to list all groups; to make resources change together, set group above [template]',
      ],
    ],
    [
      'one path for several files',
      `verify_cmd = "v {{.dest}}"\n${reload}${other}`.replaceAll('[template]', '[[template]]'),
      [
        '1:14: verify_cmd runs once for all files, and {{.dest}} would name only one',
        '  1 | verify_cmd = "v {{.dest}}"',
        '    |              ^',
        '  write the path itself',
      ],
    ],
    [
      'near miss of a placeholder',
      `group_check_cmd = "c {{.dst}}"\n${reload}`,
      [
        '1:19: group_check_cmd contains the unknown placeholder {{.dst}}',
        '  1 | group_check_cmd = "c {{.dst}}"',
        '    |                   ^',
        '  did you mean {{.dest}}?',
      ],
    ],
    [
      'unknown key above [template]',
      `colour = "red"\n${good}`,
      [
        '1:1: unknown key colour',
        '  1 | colour = "red"',
        '    | ^',
        '  run "reconfd schema resource" to list all keys',
      ],
    ],
    [
      'mistyped above [template]',
      `hold-down = 1\n${good}`,
      ['1:1: unknown key hold-down', '  1 | hold-down = 1', '    | ^', '  did you mean hold_down?'],
    ],
    [
      'a template’s key above [template]',
      `mkdirs = true\n${good}`,
      [
        '1:1: unknown key mkdirs',
        '  1 | mkdirs = true',
        '    | ^',
        '  move mkdirs below [template]',
      ],
    ],
  ])('%s', async (_, toml, expected) => {
    expect(await faultLines(toml)).toEqual(expected)
  })
})
