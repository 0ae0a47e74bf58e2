// Every fault that a resource file can contain, with its position and its message.
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import { loadResources } from '../../src/config/resources.ts'
import { folderOf } from './folder.ts'
import { faultLines, good, load, settingsFor } from './load.ts'

describe('faults', () => {
  test.each<[string, string, string[]]>([
    [
      'unknown key',
      `${good}relaod_cmd = "x"\n`,
      [
        '4:1: unknown key relaod_cmd',
        '  3 | dest = "/tmp/a"',
        '  4 | relaod_cmd = "x"',
        '    | ^',
        '  did you mean reload_cmd?',
      ],
    ],
    [
      'unknown key, unlike any other',
      `${good}colour = "x"\n`,
      [
        '4:1: unknown key colour',
        '  3 | dest = "/tmp/a"',
        '  4 | colour = "x"',
        '    | ^',
        '  run "reconfd schema resource" to list all keys',
      ],
    ],
    [
      'a store of its own, without its kind',
      `${good}[backend]\nnodes = []\n`,
      [
        '4:1: backend has no backend',
        '  3 | dest = "/tmp/a"',
        '  4 | [backend]',
        '    | ^',
        '  add one, as in backend = "consul"',
      ],
    ],
    [
      'key above the table',
      `prefix = "/x"\n${good}`,
      [
        '1:1: unknown key prefix',
        '  1 | prefix = "/x"',
        '    | ^',
        '  move prefix below [template]',
      ],
    ],
    [
      'mistyped table',
      good.replace('template', 'templates'),
      [
        '1:1: unknown key templates',
        '  1 | [templates]',
        '    | ^',
        '  did you mean template?',
        '1:1: there is no [template] table',
        '  1 | [templates]',
        '    | ^',
        '  begin the resource with [template], then set src = "..." and dest = "..."',
      ],
    ],
    [
      'empty file',
      '',
      [
        '1:1: there is no [template] table',
        '  1 | ',
        '    | ^',
        '  begin the resource with [template], then set src = "..." and dest = "..."',
      ],
    ],
    [
      'template is not a table',
      'template = "a"\n',
      [
        '1:12: template must be a table, not a string',
        '  1 | template = "a"',
        '    |            ^',
        '  write [template] on a line of its own',
      ],
    ],
    [
      'src and dest missing',
      '[template]\n',
      [
        '1:1: src is missing',
        '  1 | [template]',
        '    | ^',
        '  set src to the template, as in src = "haproxy.cfg.njk"',
        '1:1: dest is missing',
        '  1 | [template]',
        '    | ^',
        '  set dest to the file to write, as in dest = "/etc/haproxy/haproxy.cfg"',
      ],
    ],
    [
      'dest empty',
      '[template]\nsrc = "a.njk"\ndest = ""\n',
      [
        '3:8: dest is empty',
        '  2 | src = "a.njk"',
        '  3 | dest = ""',
        '    |        ^',
        '  set dest to the file to write, as in dest = "/etc/haproxy/haproxy.cfg"',
      ],
    ],
    [
      'wrong type',
      `${good}reload_cmd = ["x"]\n`,
      [
        '4:14: reload_cmd must be a string, not an array',
        '  3 | dest = "/tmp/a"',
        '  4 | reload_cmd = ["x"]',
        '    |              ^',
        '  write one string, as in reload_cmd = "..."',
      ],
    ],
    [
      'keys as a string',
      `${good}keys = "/a"\n`,
      [
        '4:8: keys must be an array of strings, not a string',
        '  3 | dest = "/tmp/a"',
        '  4 | keys = "/a"',
        '    |        ^',
        '  write it as in keys = ["/services/web"]',
      ],
    ],
    [
      'an element of keys',
      `${good}keys = [\n  "/a",\n  1 ]\n`,
      [
        '6:3: keys must contain strings, not an integer',
        '  5 |   "/a",',
        '  6 |   1 ]',
        '    |   ^',
      ],
    ],
    [
      'boolean',
      `${good}trim_blocks = "no"\n`,
      [
        '4:15: trim_blocks must be true or false, not a string',
        '  3 | dest = "/tmp/a"',
        '  4 | trim_blocks = "no"',
        '    |               ^',
      ],
    ],
    [
      'mode as an integer',
      `${good}mode = 644\n`,
      [
        '4:8: mode must be a string, not an integer',
        '  3 | dest = "/tmp/a"',
        '  4 | mode = 644',
        '    |        ^',
        '  write octal digits in quotes, as in mode = "0644"',
      ],
    ],
    [
      'mode not octal',
      `${good}mode = "0689"\n`,
      [
        '4:8: mode: "0689" is not an octal mode such as "0644"',
        '  3 | dest = "/tmp/a"',
        '  4 | mode = "0689"',
        '    |        ^',
        '  write octal digits in quotes, as in mode = "0644"',
      ],
    ],
    [
      'uid as a text',
      `${good}uid = "1000"\n`,
      [
        '4:7: uid must be an integer, not a string',
        '  3 | dest = "/tmp/a"',
        '  4 | uid = "1000"',
        '    |       ^',
        '  write uid = 1000',
      ],
    ],
    [
      'dest in a home directory',
      '[template]\nsrc = "a.njk"\ndest = "~/a"\n',
      [
        '3:8: dest begins with ~, which only a shell expands',
        '  2 | src = "a.njk"',
        '  3 | dest = "~/a"',
        '    |        ^',
        '  write the full path, or ./~ for a folder named ~',
      ],
    ],
    [
      'uid as a name',
      `${good}uid = "www"\n`,
      [
        '4:7: uid must be an integer, not a string',
        '  3 | dest = "/tmp/a"',
        '  4 | uid = "www"',
        '    |       ^',
        '  for a name, write owner = "..."',
      ],
    ],
    [
      'gid out of range',
      `${good}gid = -2\n`,
      [
        '4:7: gid: -2 is out of range',
        '  3 | dest = "/tmp/a"',
        '  4 | gid = -2',
        '    |       ^',
        '  set an id from 0 to 4294967294, or -1 for unset',
      ],
    ],
    [
      'duration',
      `${good}debounce = "soon"\n`,
      [
        '4:12: debounce: "soon" is not a duration such as 10 (seconds), 250ms or 1m30s',
        '  3 | dest = "/tmp/a"',
        '  4 | debounce = "soon"',
        '    |            ^',
      ],
    ],
    [
      'unknown user',
      `${good}owner = "nobody-of-that-name"\n`,
      [
        '4:9: there is no user nobody-of-that-name on this machine',
        '  3 | dest = "/tmp/a"',
        '  4 | owner = "nobody-of-that-name"',
        '    |         ^',
        '  run getent passwd to list all users',
      ],
    ],
    [
      'unknown group',
      `${good}group = "no one"\n`,
      [
        '4:9: there is no group no one on this machine',
        '  3 | dest = "/tmp/a"',
        '  4 | group = "no one"',
        '    |         ^',
        '  run getent group to list all groups; to make resources change together, set group above [template]',
      ],
    ],
    ...(['check_cmd', 'reload_cmd', 'verify_cmd'] as const).map(
      (key): [string, string, string[]] => [
        `an odd path where no quoting fits it, in ${key}`,
        `${good.replace('/tmp/a', "/tmp/it's")}${key === 'verify_cmd' ? 'reload_cmd = "true"\n' : ''}${key} = "sh -c 'cat {{.dest}}'"\n`,
        [
          `${key === 'verify_cmd' ? '5' : '4'}:${key.length + 4}: ${key}: the path "/tmp/it's" cannot be put into the command: its placeholder is in a command that another shell parses again`,
          key === 'verify_cmd' ? '  4 | reload_cmd = "true"' : `  3 | dest = "/tmp/it's"`,
          `  ${key === 'verify_cmd' ? '5' : '4'} | ${key} = "sh -c 'cat {{.dest}}'"`,
          `    | ${' '.repeat(key.length + 3)}^`,
          '  write the placeholder as a separate word outside quotes, or choose a path that consists of letters, digits and _ . / + : @ % = -',
        ],
      ],
    ),
    [
      'a command that names the files of for_each in a folder that is not plain',
      `${good.replace('/tmp/a', '/tmp/my sites/{{ base(item.key) }}')}for_each = "/v/*"\nkeys = ["/v"]\ncheck_cmd = "cat {{.src}}"\n`,
      [
        '6:13: check_cmd contains the paths of for_each files, but the path of their folder is not safe in a command',
        '  5 | keys = ["/v"]',
        '  6 | check_cmd = "cat {{.src}}"',
        '    |             ^',
        '  choose a folder whose path consists of letters, digits and _ . / + : @ % = -, and in which no part begins with -',
      ],
    ],
    [
      'missing template',
      good.replace('a.njk', 'c.njk'),
      [
        '2:7: template c.njk is missing',
        '  1 | [template]',
        '  2 | src = "c.njk"',
        '    |       ^',
        '  did you mean src = "a.njk"? Otherwise create templates/c.njk',
      ],
    ],
    [
      'template is a folder',
      good.replace('a.njk', '.'),
      [
        '2:7: template . is not a file',
        '  1 | [template]',
        '  2 | src = "."',
        '    |       ^',
        '  set src to a file, instead of templates',
      ],
    ],
    [
      'delimiter of a nunjucks template',
      `${good}left_delim = "[["\n`,
      [
        '4:14: left_delim is for Go templates, but a.njk is a nunjucks template',
        '  3 | dest = "/tmp/a"',
        '  4 | left_delim = "[["',
        '    |              ^',
        '  remove it, or set engine = "go" if the template is in Go syntax',
      ],
    ],
    [
      'empty delimiter',
      `${good}engine = "go"\nright_delim = ""\n`,
      [
        '5:15: right_delim is empty',
        '  4 | engine = "go"',
        '  5 | right_delim = ""',
        '    |               ^',
        '  remove it to use the default',
      ],
    ],
    [
      'delimiter that is not a string',
      `${good}engine = "go"\nleft_delim = 5\n`,
      [
        '5:14: left_delim must be a string, not an integer',
        '  4 | engine = "go"',
        '  5 | left_delim = 5',
        '    |              ^',
        '  write it as in left_delim = "[["',
      ],
    ],
    [
      'unknown engine',
      `${good}engine = "jinja"\n`,
      [
        '4:10: unknown engine "jinja"',
        '  3 | dest = "/tmp/a"',
        '  4 | engine = "jinja"',
        '    |          ^',
        '  use "nunjucks" or "go"',
      ],
    ],
    [
      'placeholder in check_cmd',
      `${good}check_cmd = "x {{.file}}"\n`,
      [
        '4:13: check_cmd contains the unknown placeholder {{.file}}',
        '  3 | dest = "/tmp/a"',
        '  4 | check_cmd = "x {{.file}}"',
        '    |             ^',
        '  use only the placeholders {{.src}} and {{.dest}}',
      ],
    ],
    [
      'near miss in reload_cmd',
      `${good}reload_cmd = "x {{ .Dest }}"\n`,
      [
        '4:14: reload_cmd contains the unknown placeholder {{ .Dest }}',
        '  3 | dest = "/tmp/a"',
        '  4 | reload_cmd = "x {{ .Dest }}"',
        '    |              ^',
        '  did you mean {{.dest}}?',
      ],
    ],
    [
      'syntax',
      '[template\n',
      [
        '1:10: TOML syntax: illegal character in key',
        '  1 | [template',
        '    |          ^',
        '  close the name of the table with ], as in [template]',
      ],
    ],
  ])('%s', async (_, toml, expected) => {
    expect(await faultLines(toml)).toEqual(expected)
  })

  test('of all resources at once', async () => {
    const { text } = await load({
      'conf.d/a.toml': `${good}mode = 1\nuid = "x"\n`,
      'conf.d/b.toml': 'oops',
      'conf.d/c.toml':
        '[[template]]\nsrc = "a.njk"\ndest = "/tmp/x"\n[[template]]\nsrc = "c.njk"\ndest = "/tmp/../tmp/a"\n',
    })
    expect(text.split('\n').filter((line) => line.startsWith('conf.d'))).toEqual([
      'conf.d/a.toml:4:8: mode must be a string, not an integer',
      'conf.d/a.toml:5:7: uid must be an integer, not a string',
      'conf.d/b.toml:1:1: TOML syntax: incomplete key-value: cannot find end of key',
      'conf.d/c.toml:5:7: template c.njk is missing',
      'conf.d/c.toml:6:8: dest /tmp/a is already written by conf.d/a.toml:3',
    ])
  })

  test('no conf.d, and a link to nowhere', async () => {
    const confdir = await folderOf({ 'templates/a.njk': '' })
    const settings = await settingsFor(confdir)
    const faultsOf = async () => {
      const result = await loadResources(settings)
      return result.ok ? 'good' : result.error.map(formatFault).join('\n').replaceAll(confdir, '')
    }
    expect(await faultsOf()).toBe(
      '/conf.d: the folder of resources is missing\n  create it and put resources there, or set another folder with -confdir',
    )
    await mkdir(join(confdir, 'conf.d'))
    await symlink('nowhere', join(confdir, 'conf.d/a.toml'))
    expect(await faultsOf()).toBe(
      '/conf.d/a.toml: cannot be read: ENOENT\n  check that it exists and is readable by the user that runs reconfd',
    )
  })

  test('a file where -confdir or conf.d should be', async () => {
    const top = await folderOf({ 'conf.d/a.toml': '', 'plain/conf.d': '' })
    const faultOf = async (confdir: string) => {
      const result = await loadResources(await settingsFor(join(top, confdir)))
      return result.ok ? 'good' : result.error.map(formatFault).join('\n').replaceAll(top, 'TOP')
    }
    expect(await faultOf('conf.d/a.toml')).toBe(
      'TOP/conf.d/a.toml: is a file, not a folder\n  did you mean -confdir TOP? It must be the folder that contains conf.d',
    )
    expect(await faultOf('conf.d/a.toml/below')).toBe(await faultOf('conf.d/a.toml'))
    expect(await faultOf('plain/conf.d')).toBe(
      'TOP/plain/conf.d: is a file, not a folder\n  did you mean -confdir TOP/plain? It must be the folder that contains conf.d',
    )
    expect(await faultOf('plain')).toBe(
      'TOP/plain/conf.d: is a file, not a folder\n  create a folder instead and put resources there, or set another one with -confdir',
    )
  })
})
