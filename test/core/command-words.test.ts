import { expect, test } from 'vitest'
import { commandWords } from '../../src/core/command-words.ts'

test.each([
  ['haproxy -c -f {{.src}}', ['haproxy']],
  ['/usr/sbin/nginx -t && systemctl reload nginx', ['/usr/sbin/nginx', 'systemctl']],
  ['A=1 B="x y" env C=2 prog', ['env']],
  ['cat a | grep -q "b; c" || echo \'d && e\'; exit 1', ['cat', 'grep', 'echo', 'exit']],
  ['if test -f x; then reload; else ! start; fi', ['test', 'reload', 'start']],
  ['(cd /x && make)', ['cd', 'make']],
  ['$PROG x; `which y`; ${A}', []],
  ['>log 2>&1 prog > out', ['prog']],
  ['"my prog" x', ['my prog']],
  ['my\\ prog x', ['my prog']],
  ['prog\nother', ['prog', 'other']],
  ['for i in a b; do run $i; done', ['run']],
  ['', []],
])('%s', (command, words) => {
  expect(commandWords(command)).toEqual(words)
})
