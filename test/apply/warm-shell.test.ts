// A shell that waits for its command is as one that is started for it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { runCommand } from '../../src/apply/command.ts'
import { keepShellWarm, takeShell } from '../../src/apply/warm-shell.ts'

let dropShell: () => void
beforeEach(async () => {
  dropShell = await keepShellWarm()
})
afterEach(() => dropShell())

const run = (command: string, timeout = 10_000) => runCommand(command, { timeout })

test.each([
  ['echo out; echo err >&2', { exitCode: 0, output: 'out\nerr\n' }],
  ['exit 3', { exitCode: 3, output: '' }],
  ['kill -KILL $$', { exitCode: null, signal: 'SIGKILL' }],
  [
    `printf '%s|' "a  b" 'c\\d' "$HOME" ' '`,
    { exitCode: 0, output: `a  b|c\\d|${process.env['HOME']}| |` },
  ],
  ['cat; echo end', { exitCode: 0, output: 'end\n' }],
  ['if', { exitCode: 2 }],
  ['a=1\nb=2; echo $((a + b))', { exitCode: 0, output: '3\n' }],
])('%j', async (command, result) => {
  expect(await run(command)).toMatchObject(result)
  // What the next one gets is a fresh shell.
  expect(await run('echo "${a:-}"')).toMatchObject({ exitCode: 0, output: '\n' })
})

test('messages of the shell are as without it', async () => {
  const warm = await run('nosuchprogram')
  dropShell()
  const cold = await run('nosuchprogram')
  expect(warm).toMatchObject({ exitCode: 127, output: cold.output })
})

test('a timeout ends its group', async () => {
  expect(await run('sleep 60 & sleep 60', 100)).toMatchObject({ timedOut: true })
})

test('a shell that was killed harms nobody after it', async () => {
  const shell = takeShell('exit 0')
  expect(shell).toBeDefined()
  await vi.waitFor(() => expect(shell?.exitCode).toBe(0))
  const drop = await keepShellWarm()
  const waiting = takeShell('sleep 60')
  process.kill(-(waiting?.pid ?? 0), 'SIGKILL')
  expect(await run('echo good')).toMatchObject({ exitCode: 0, output: 'good\n' })
  drop()
})

test('it waits until the last one who wants it has let go', async () => {
  const drop = await keepShellWarm()
  drop()
  drop()
  expect(takeShell('true')).toBeDefined()
})

test('it waits for the next command after each', async () => {
  await run('true')
  await vi.waitFor(() => expect(takeShell('true')).toBeDefined())
})
