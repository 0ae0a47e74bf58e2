// Tests the tests of the docs. They must report the line of each wrong command, wrong output and syntax error.
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { removeDir } from '../support/process.ts'
import { commandsOf } from './commands.ts'
import { anchorsOf, partsOf } from './markdown.ts'
import { Reading } from './page.ts'
import { cannotIsolate, Sandbox, workFolder } from './sandbox.ts'
import { missingIn } from './shown.ts'

const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text}\n\`\`\`\n`
const isolated = cannotIsolate()

describe.skipIf(isolated !== undefined)('a page', () => {
  let folder: string
  let sandbox: Sandbox
  beforeAll(() => {
    folder = workFolder()
    sandbox = new Sandbox(folder, join(folder, 'programs'), {})
  })
  afterAll(async () => {
    await sandbox.close()
    removeDir(folder)
  })
  const read = (text: string): Promise<void> => new Reading('a.md', text, sandbox).all()

  test('is run in one shell, from top to bottom', async () => {
    await read(
      '<!-- setup: cd /home && x=1 -->\n' +
        fenced('sh', 'y=$((x + 1))\ncat >f <<END\n$y\nEND') +
        '<!-- expect: cat => says 2 -->\n' +
        fenced('sh', 'cat f # as it is') +
        '<!-- output of: cat f -->\n' +
        fenced('text', '9') +
        fenced('console', '$ echo done at 10:00:07\ndone at 11:22:33\n$ pwd\n/home') +
        '<!-- check: test -e f -->\n',
    )
  })

  test('may wait, and may keep a program running in another terminal', async () => {
    await read(
      '<!-- expect:\nsh => background; says begun\ncat => eventually; exit 1; says no number\n-->\n' +
        fenced('sh', "sh -c 'echo begun; echo no number >g; exec sleep 60'\ncat g missing"),
    )
  })

  test.each([
    [
      'a command fails',
      `\n${fenced('sh', 'true\nfalse')}`,
      'a.md:4: exit code 1 instead of 0: false',
    ],
    [
      'another exit code is expected',
      `<!-- expect: tr => exit 3 -->\n${fenced('sh', 'true')}`,
      'a.md:3: exit code 0 instead of 3: true',
    ],
    [
      'an expected text is missing',
      `<!-- expect: echo => says more -->\n${fenced('sh', 'echo less')}`,
      'a.md:3: it does not say "more"\n    less',
    ],
    [
      'a shown line is missing',
      `${fenced('sh', 'echo a b')}<!-- output of: echo -->\n${fenced('text', 'a c')}`,
      'a.md:6: it does not say, or not in this order: a c\n    a b',
    ],
    ['a session differs', fenced('console', '$ echo a\nb'), 'a.md:2: it does not say'],
    ['a setup fails', '<!-- setup:\ntrue\nfalse\n-->\n', 'a.md:1: the setup ended with 1: false'],
  ])('%s', async (_, text, problem) => {
    await expect(read(text)).rejects.toThrow(problem)
  })
})

test.each([
  [
    'an expectation without its command',
    `<!-- expect: a => exit 1 -->\n${fenced('sh', 'b')}`,
    'no command here begins with "a"',
  ],
  [
    'an unknown expectation',
    `<!-- expect: b => exits 1 -->\n${fenced('sh', 'b')}`,
    'a note cannot be understood',
  ],
  ['a note without a block', '<!-- not run: no -->\ntext', 'a.md:1: no block follows'],
  ['an indented block', 'text\n\n    sudo reboot\n', 'a.md:3: put this block between fences'],
  ['a block that never ends', '```sh\n', 'a.md:1: this block is never closed'],
])('%s', (_, text, problem) => {
  const understand = (): unknown =>
    partsOf('a.md', text).flatMap((part) => ('block' in part ? commandsOf('a.md', part.block) : []))
  expect(understand).toThrow(problem)
})

test('steps of pipelines are commands; a command that is not run has a reason', () => {
  const [part] = partsOf(
    'a.md',
    `<!-- runs: all -->\n<!-- expect: b => not run: why -->\n${fenced('yaml', 'job: { steps: [{ run: a }], script: [b] }')}`,
  )
  const commands = part !== undefined && 'block' in part ? commandsOf('a.md', part.block) : []
  expect(commands.map(({ text, expected: { notRun } }) => [text, notRun])).toEqual([
    ['a', undefined],
    ['b', 'why'],
  ])
})

test('numbers, times, hashes and blanks may differ, words may not', () => {
  const said = 'x\n2026-11-21T17:01:15Z wrote  a (237 bytes, e708806ab5c1)\ny'
  expect(missingIn(said, '12:00:00 wrote a (1 bytes, 000000000000)\ny')).toBeUndefined()
  expect(missingIn(said, 'wrote ... bytes')).toBeUndefined()
  expect(missingIn(said, 'wrote b (237 bytes')).toBe('wrote b (237 bytes')
  expect(missingIn(said, 'y\nx')).toBe('x')
})

test('anchors are those of GitHub', () => {
  const text = `# Getting \`started\`\n${fenced('sh', '# no heading')}## Who sees what?\n## A, b\n## A b\n`
  expect([...anchorsOf(text)]).toEqual(['getting-started', 'who-sees-what', 'a-b', 'a-b-1'])
})
