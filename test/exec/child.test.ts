// Programs that reconfd supervises: how they start, how they are signalled, how they end.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exitCodeOf, startChild, type Child } from '../../src/exec/child.ts'
import { tempDir, until } from '../support/servers.ts'

const dir = tempDir('child')

async function started(...argv: readonly string[]): Promise<Child> {
  const result = await startChild(argv, { env: process.env })
  if (!result.ok) throw new Error(result.error.fault.message)
  return result.value
}

/** A shell that says in a file that it has come so far. */
async function shell(script: string): Promise<Child> {
  const ready = join(dir, `ready-${Math.random()}`)
  const child = await started('/bin/sh', '-c', script.replaceAll('READY', `: > ${ready}`))
  await until('the shell is ready', () => existsSync(ready))
  return child
}

test('the exit code is the program’s, or 128 and the signal’s number', async () => {
  expect(exitCodeOf(await (await started('/bin/sh', '-c', 'exit 3')).ended)).toBe(3)
  expect(exitCodeOf(await (await started('/bin/sh', '-c', 'kill -9 $$')).ended)).toBe(137)
  expect(exitCodeOf(await (await started('/bin/true')).ended)).toBe(0)
})

test('a program that is not there, or is none', async () => {
  const file = join(dir, 'text')
  writeFileSync(file, 'no program')
  const of = async (program: string) => startChild([program], { env: process.env })
  expect(await of('/nowhere/at/all')).toMatchObject({
    error: { exit: 127, fault: { message: '"/nowhere/at/all" is not there' } },
  })
  expect(await of('no-such-program')).toMatchObject({ error: { exit: 127 } })
  expect(await of(file)).toMatchObject({
    error: { exit: 126, fault: { message: `"${file}" is not executable` } },
  })
  expect(await of(dir)).toMatchObject({ error: { exit: 126 } })
})

test('only the given environment is there', async () => {
  const file = join(dir, 'environment')
  const child = await startChild(['/usr/bin/env'], { env: { ONE: '1' } })
  expect(child.ok).toBe(true)
  const argv = ['/bin/sh', '-c', `/usr/bin/env > ${file}`]
  const second = await startChild(argv, { env: { ONE: '1' } })
  if (second.ok) await second.value.ended
  const text = readFileSync(file, 'utf8')
  expect(text).toContain('ONE=1')
  expect(text).not.toContain('HOME=')
})

test('signals reach the whole group', async () => {
  const file = join(dir, 'pid')
  const child = await shell(`sleep 100 & echo $! > ${file}; READY; wait`)
  const grandchild = Number(readFileSync(file, 'utf8'))
  expect(child.signal('SIGTERM')).toBe(true)
  expect(exitCodeOf(await child.ended)).toBe(143)
  await until('the grandchild has ended', () => !isThere(grandchild))
})

test('what ignores the signal is killed', async () => {
  const child = await shell('trap "" TERM; READY; while :; do sleep 1; done')
  expect(exitCodeOf(await child.stop('SIGTERM', 50))).toBe(137)
})

test('what is stopped hears the signal', async () => {
  const child = await shell('trap "exit 7" TERM; READY; while :; do sleep 0.01; done')
  child.signal('SIGSTOP')
  expect(exitCodeOf(await child.stop('SIGTERM', 20_000))).toBe(7)
})

/** A zombie has ended. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}
