// The output of nunjucks templates, the reads that a render records, and when files are read again.
import { createSocket } from 'node:dgram'
import dns from 'node:dns/promises'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeValue, encodeText } from '../../src/core/bytes.ts'
import { render, scopeFor, treeFrom, Workshop, type Keys } from './helper.ts'

const web: Keys = { '/web/a': '1', '/web/b': '2', '/web/c/d': '3', '/website/e': '4' }

it.each([
  [
    '{% for s in range("/web") %}\n{{ base(s.key) }}={{ s.Value }}\n{% endfor %}\nend\n',
    'a=1\nb=2\nd=3\nend\n',
  ],
  [
    '{% for s in range("/web") %}{{ loop.index }}/{{ loop.length }}{{ "," if not loop.last }}{% endfor %}',
    '1/3,2/3,3/3',
  ],
  ['{% for s in range("/none") %}x{% else %}none{% endfor %}', 'none'],
  ['a\n  {% if true %}\n  b\n  {% endif %}\nc\n', 'a\n  b\nc\n'],
  ['{{ "<a href=\'x\'>" }} & é😀\r\n', "<a href='x'> & é😀\r\n"],
  [
    '{{ getv("/web/a") | int + 1 }} {{ ["b", "a"] | sort | join("-") }} {{ "a.b" | replace(".", "$&") }}',
    '2 a-b a$&b',
  ],
  ['{{ x | default("d") }}{{ "y" if x is defined else "n" }}', 'dn'],
  [
    '{% set j = json(\'{"a": {"b": 1}}\') %}{{ j.a.b }}{{ j.x.y | default(2) }}{{ 3 if not j.x }}{{ j.x or 4 }}{{ 5 if j.x.y is undefined }}{{ 6 if j.x == none }}',
    '123456',
  ],
  [
    '{% macro m(a, b) %}{% if b %}{{ b }}{% else %}-{% endif %}{{ a }}{% endmacro %}{{ m("1") }}{{ m("2", b="k") }}',
    '-1k2',
  ],
  [
    '{% set j = json(\'{"constructor": 1, "__proto__": 2, "b": 3, "a": 4}\') %}{% for k, v in j %}{{ k }}{{ v }} {% endfor %}{{ j.toString is defined }}',
    '__proto__2 a4 b3 constructor1 false',
  ],
  ['{% set x %}a{{ 1 }}{% endset %}{{ x | toUpper }}{% filter toUpper %}b{% endfilter %}', 'A1B'],
])('%j', async (text, expected) => {
  const outcome = await render(text, web)
  expect(outcome.message).toBeUndefined()
  expect(outcome.text).toBe(expected)
})

it('trim_blocks and lstrip_blocks can be off, for the same file', async () => {
  const workshop = new Workshop()
  workshop.write('a.njk', ' {% if 1 %}\nx{% endif %}')
  expect((await workshop.render('a.njk')).text).toBe('x')
  const spec = { trimBlocks: false, lstripBlocks: false }
  expect((await workshop.render('a.njk', {}, { spec })).text).toBe(' \nx')
})

it('records its reads, hits and misses, under the prefix', async () => {
  const text = `{{ getv("/a", "x") }}{{ exists("/b") }}{% for p in gets("/c/*") %}{% endfor %}{% for p in range("/d") %}{% endfor %}{{ ls("/e") }}{{ fileExists("/no/such") }}`
  const { reads } = await render(text, {}, { prefix: '/p' })
  expect([...reads.keys].sort()).toEqual(['/p/a', '/p/b', '/p/e'])
  expect([...reads.patterns]).toEqual(['/p/c/*'])
  expect([...reads.trees]).toEqual(['/p/d'])
  expect([...reads.listings]).toEqual(['/p/e'])
  expect([...reads.files]).toContain('/no/such')
})

it('include, import and extends: rendered, recorded, the missing ones too', async () => {
  const workshop = new Workshop()
  workshop.write(
    'base.njk',
    '[{% block body %}base{% endblock %}]{% include "none.njk" ignore missing %}',
  )
  workshop.write('macros.njk', '{% macro twice(x) %}{{ x }}{{ x }}{{ getv("/k") }}{% endmacro %}')
  workshop.write(
    'sub/main.njk',
    '{% extends "base.njk" %}{% from "../macros.njk" import twice %}{% block body %}{{ super() }}{% from "macros.njk" import twice %}{{ twice("a") }}{% endblock %}',
  )
  const { text, message, reads } = await workshop.render('sub/main.njk', { '/k': 'v' })
  expect(message).toBeUndefined()
  expect(text).toBe('[baseaav]')
  const names = [...reads.files].map((path) => path.slice(workshop.folder.length + 1)).sort()
  expect(names).toEqual(['base.njk', 'macros.njk', 'none.njk', 'sub/main.njk'])
})

it('reads a file again only after forget(), a missing one at once', async () => {
  const workshop = new Workshop()
  workshop.write('main.njk', '1{% include "part.njk" ignore missing %}')
  expect((await workshop.render('main.njk')).text).toBe('1')
  const part = workshop.write('part.njk', '{{ "a" }}')
  expect((await workshop.render('main.njk')).text).toBe('1a')
  workshop.write('part.njk', '{{ broken')
  expect((await workshop.render('main.njk')).text).toBe('1a')
  workshop.renderer.forget(part)
  expect((await workshop.render('main.njk')).message).toMatch(
    /^part\.njk:1:1: the tag that begins here/,
  )
  rmSync(part)
  workshop.renderer.forget(part)
  expect((await workshop.render('main.njk')).text).toBe('1')
})

it('renders of one file do not see one another', async () => {
  const workshop = new Workshop()
  workshop.write('a.njk', '{% set x = getv("/x") %}{{ lookupIP("127.0.0.1") }} {{ x }}')
  const all = await Promise.all(['1', '2', '3'].map((x) => workshop.render('a.njk', { '/x': x })))
  expect(all.map(({ text }) => text)).toEqual(['127.0.0.1 1', '127.0.0.1 2', '127.0.0.1 3'])
})

it('bytes that are not UTF-8 come through, from the template and from base64', async () => {
  const workshop = new Workshop()
  workshop.write(
    'a.njk',
    Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('{{ base64Decode("wIAA/w==") }}é')]),
  )
  const { bytes } = await workshop.render('a.njk')
  expect(Buffer.from(bytes ?? []).toString('hex')).toBe('fffe' + 'c08000ff' + 'c3a9')
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (any) => {
      expect(encodeText(decodeValue(Buffer.from(any)))).toEqual(Buffer.from(any))
    }),
  )
})

it('returns text or a fault for any template', async () => {
  const workshop = new Workshop()
  const scraps = [
    '{{',
    '}}',
    '{%',
    '%}',
    ' if ',
    ' for x in ',
    'endif',
    'endfor',
    'x',
    '"',
    '(',
    ')',
    '[',
    ']',
    '|',
    '.',
    'getv("/a")',
    '1',
    '{#',
    '\n',
    'is',
    'set x=',
    'json',
    'é',
  ]
  const text = fc
    .array(fc.constantFrom(...scraps), { maxLength: 12 })
    .map((parts) => parts.join(''))
  const path = `${workshop.folder}/a.njk`
  await fc.assert(
    fc.asyncProperty(text, async (any) => {
      workshop.write('a.njk', any)
      workshop.renderer.forget(path)
      const result = await workshop.renderer.render(
        workshop.spec('a.njk'),
        treeFrom({ '/a': '1' }),
        scopeFor(),
      )
      if (!result.ok) expect(result.error.fault).toMatchObject({ kind: 'template', file: path })
    }),
    { numRuns: 300 },
  )
})

describe('DNS', () => {
  /** Starts a DNS server that knows one SRV name and answers SERVFAIL for `broken`. */
  async function nameServer() {
    const socket = createSocket('udp4')
    socket.on('message', (query, from) => {
      const question = query.subarray(12)
      const name = question.toString('latin1')
      const known = name.includes('_http')
      const head = Buffer.from(query.subarray(0, 12))
      head.writeUInt16BE(name.includes('broken') ? 0x8182 : known ? 0x8180 : 0x8183, 2)
      const records = known ? [srv(2, 8080), srv(1, 8080), srv(1, 80)] : []
      head.writeUInt16BE(records.length, 6)
      head.writeUInt32BE(0, 8)
      const end = question.indexOf(0) + 5
      socket.send(
        Buffer.concat([head, question.subarray(0, end), ...records]),
        from.port,
        from.address,
      )
    })
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return socket
  }

  function srv(node: number, port: number): Buffer {
    const target = Buffer.from(`\x03n-${node}\x04test\x00`, 'latin1')
    const data = Buffer.alloc(18)
    data.writeUInt16BE(0xc00c, 0) // a pointer to the requested name
    data.writeUInt16BE(33, 2)
    data.writeUInt16BE(1, 4)
    data.writeUInt16BE(6 + target.length, 10)
    data.writeUInt16BE(10, 12)
    data.writeUInt16BE(5, 14)
    data.writeUInt16BE(port, 16)
    return Buffer.concat([data, target])
  }

  it('SRV records are sorted; no such name is an empty list; no answer is an error', async () => {
    const before = dns.getServers()
    const socket = await nameServer()
    dns.setServers([`127.0.0.1:${socket.address().port}`])
    try {
      const text = `{% for s in lookupSRV("http", "tcp", "web.test") %}{{ s.Target }}:{{ s.port }}/{{ s.Priority }}/{{ s.Weight }} {% endfor %}`
      expect((await render(text)).text).toBe(
        'n-1.test.:80/10/5 n-1.test.:8080/10/5 n-2.test.:8080/10/5 ',
      )
      expect((await render('[{{ lookupSRV("none", "tcp", "web.test") | length }}]')).text).toBe(
        '[0]',
      )
      expect((await render('{{ lookupSRV("", "", "broken.test") }}')).message).toBe(
        [
          't.njk:1:4: cannot look up "broken.test" in DNS: ESERVFAIL',
          '  1 | {{ lookupSRV("", "", "broken.test") }}',
          '    |    ^',
          '  check the name server and the network; the old file stays until the look-up succeeds',
        ].join('\n'),
      )
    } finally {
      dns.setServers(before)
      socket.close()
    }
  })
})
