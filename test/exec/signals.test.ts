// Programs that receive their reload signal with and without a handler. A signal that nobody receives would kill them.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { startChild, type ChildProcess } from '../../src/exec/child.ts'
import { isHandled } from '../../src/exec/signals.ts'
import { statOf } from '../../src/system/process.ts'
import { tempDir } from '../support/process.ts'
import { until } from '../support/until.ts'

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill()
    await child.exited
  }
})

/** Starts a program in Python that ends by sleeping: in state S, or in state D during vfork(2). */
async function sleeping(script: string, state: 'S' | 'D' = 'S'): Promise<ChildProcess> {
  const ready = join(tempDir('signals'), 'ready')
  const lines = [
    'import ctypes, os, signal, time',
    'USR1 = signal.SIGUSR1',
    `def ready(): open(${JSON.stringify(ready)}, "w")`,
    script,
  ]
  const started = await startChild({
    argv: ['/usr/bin/python3', '-c', lines.join('\n')],
    env: () => ({ PATH: process.env['PATH'] }),
    killSignal: 'SIGTERM',
    killTimeout: 10_000,
  })
  if (!started.ok) throw new Error(started.error.fault.message)
  const child = started.value
  children.push(child)
  await until(`state ${state}`, () => existsSync(ready) && statOf(child.id.pid)?.state === state)
  return child
}

const block = (signals: string): string => `signal.pthread_sigmask(signal.SIG_BLOCK, ${signals})`

test.each([
  ['handles it', 'signal.signal(USR1, print); ready(); time.sleep(60)', true],
  ['does not know it', 'ready(); time.sleep(60)', false],
  ['waits for it with sigwait', `${block('[USR1]')}; ready(); signal.sigwait([USR1])`, true],
  [
    'waits for all signals',
    `${block('range(1, 32)')}; ready(); signal.sigwait(range(1, 32))`,
    true,
  ],
  [
    'blocks it, for another thread or signalfd',
    `${block('[USR1]')}; ready(); time.sleep(60)`,
    true,
  ],
])('a program that %s', async (_, script, expected) => {
  const child = await sleeping(script)
  // The program has been running for a long time, so nothing is left of the time for its start.
  expect(await isHandled(child, 'SIGUSR1', performance.now() - 1)).toBe(expected)
})

test('a shell that is just starting a program blocks all signals, but receives none of them', async () => {
  // After vfork(2), the parent is suspended until its child has started another program.
  const vfork = `${block('range(1, 32)')}; ready(); ctypes.CDLL(None).vfork(); time.sleep(60)`
  const child = await sleeping(vfork, 'D')
  expect(await isHandled(child, 'SIGUSR1', performance.now() + 1000)).toBe(false)
})
