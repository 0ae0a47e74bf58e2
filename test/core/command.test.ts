// Placeholders in check_cmd and reload_cmd, and paths with characters that are special to the shell.
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expandCommand, unknownPlaceholders } from '../../src/core/command.ts'

const paths = { src: '/etc/.haproxy.cfg.x1', dest: '/etc/haproxy.cfg' }

test.each([
  ['haproxy -c -f {{.src}}', 'haproxy -c -f /etc/.haproxy.cfg.x1'],
  ['haproxy -c -f {{ .src }}', 'haproxy -c -f /etc/.haproxy.cfg.x1'],
  ['cmp {{src}} {{ dest }}', 'cmp /etc/.haproxy.cfg.x1 /etc/haproxy.cfg'],
  ['cmp "{{.src}}" \'{{.dest}}\'', 'cmp "/etc/.haproxy.cfg.x1" \'/etc/haproxy.cfg\''],
  ["docker inspect -f '{{.State}}' x", "docker inspect -f '{{.State}}' x"],
  ['echo {{.src', 'echo {{.src'],
  ['', ''],
])('%s', (command, expected) => {
  expect(expandCommand(command, paths)).toBe(expected)
})

test.each([
  ['check {{.src}} {{ dest }}', []],
  ['check {{.Src}} {{ .src | printf "%q" }}', ['{{.Src}}', '{{ .src | printf "%q" }}']],
  ['check {{}}', ['{{}}']],
])('other placeholders in %s', (command, expected) => {
  expect(unknownPlaceholders(command)).toEqual(expected)
})

test('property: the shell gets each path as one word, bare or in quotes', () => {
  const path = fc.array(
    fc.constantFrom(
      'a',
      ' ',
      "'",
      '"',
      '\\',
      '$HOME',
      '`id`',
      ';',
      '&',
      '*',
      '\n',
      'é',
      '-',
      '{{.dest}}',
    ),
    { minLength: 1, maxLength: 8 },
  )
  const command = `printf '%s|' {{.src}} "{{.src}}" '{{.src}}' x\\"{{ src }}\\'{{dest}}`
  fc.assert(
    fc.property(path, (parts) => {
      const src = `/${parts.join('')}`
      const expanded = expandCommand(command, { src, dest: '/d' })
      const output = execFileSync('/bin/sh', ['-c', expanded], { encoding: 'utf8' })
      expect(output).toBe(`${src}|${src}|${src}|x"${src}'/d|`)
    }),
    { numRuns: 60 },
  )
})
