// Runs commands as real processes. Tests process groups, timeouts, daemons, floods of output, and signals.
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { commandFault, runCommand } from '../../src/apply/command.ts'
import type { CommandResult } from '../../src/core/event.ts'
import { formatFault } from '../../src/core/fault.ts'
import { until } from '../support/until.ts'

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reconfd-command-'))
})
afterAll(() => rm(dir, { recursive: true }))

const timeout = 20_000

/** True if the process exists and is not a zombie. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/**
 * Runs a command whose time is over as soon as it is ready, however long it takes to start.
 * @param isReady true when the command has done what it does before its timeout
 */
async function runTooLong(command: string, isReady: () => boolean): Promise<CommandResult> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const running = runCommand(command, { timeout: 1000, grace: 200 })
  await until('the command is ready', isReady)
  vi.advanceTimersByTime(1000)
  let result: CommandResult | undefined
  void running.then((ended) => (result = ended))
  return until('the command has ended', () => {
    vi.advanceTimersByTime(20)
    return result
  })
}

/** Returns the pid that a command has written to a file; 0 before that. */
const pidIn = (file: string): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0)

describe('a command', () => {
  it('is run by /bin/sh, without input, and its output is kept in order', async () => {
    const result = await runCommand('echo a; echo b >&2; cat; x=c; echo "$x" $ADDED', {
      timeout,
      env: { ADDED: 'd' },
    })
    expect(result).toMatchObject({ exitCode: 0, signal: null, timedOut: false, truncated: 0 })
    expect(result.output).toBe('a\nb\nc d\n')
  })

  it('reports its exit code, also that of a syntax error, with the message', async () => {
    expect(await runCommand('exit 3', { timeout })).toMatchObject({ exitCode: 3 })
    const bad = await runCommand('echo "unterminated', { timeout })
    expect(bad.exitCode).toBe(2)
    expect(bad.output).toMatch(/nterminated/)
  })

  it('reports the signal that ended it', async () => {
    const result = await runCommand('kill -9 $$', { timeout })
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', timedOut: false })
    expect(commandFault('reload_cmd', 'x', result).message).toBe(
      'reload_cmd was killed by SIGKILL: x',
    )
  })

  it('names the signal behind an exit code of a shell, such as 137', async () => {
    const result = await runCommand('sh -c "kill -9 \\$\\$"; exit $?', { timeout })
    expect(result).toMatchObject({ exitCode: 137, signal: null })
    expect(commandFault('reload_cmd', 'x', result).message).toBe(
      'reload_cmd failed with exit code 137 (SIGKILL): x',
    )
  })

  it('that cannot be started is a result too', async () => {
    const result = await runCommand(`: ${'x'.repeat(200_000)}`, { timeout })
    expect(result).toMatchObject({ exitCode: null, signal: null })
    expect(result.output).toMatch(/cannot start \/bin\/sh.*E2BIG/)
    expect(commandFault('check_cmd', 'x', result).message).toContain('could not be started')
  })

  it('that hangs is stopped at its timeout', async () => {
    const file = join(dir, 'hanging')
    const command = `echo before; touch ${file}; sleep 60`
    const result = await runTooLong(command, () => existsSync(file))
    expect(result).toMatchObject({ timedOut: true, output: 'before\n' })
  })

  it('that ignores SIGTERM is killed after the grace period, children included', async () => {
    const file = join(dir, 'stubborn')
    const command = `trap '' TERM; (trap '' TERM; sleep 60 & echo $! > ${file}; wait; sleep 60) & wait; sleep 60`
    const result = await runTooLong(command, () => pidIn(file) > 0)
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGKILL' })
    const pid = pidIn(file)
    await until('the child is gone', () => !runs(pid))
  })

  it('whose shell obeys SIGTERM but whose child does not: the child is killed after the grace period', async () => {
    const file = join(dir, 'child')
    const command = `(trap '' TERM; sh -c 'echo $$ > ${file}; exec sleep 60') & wait`
    const result = await runTooLong(command, () => pidIn(file) > 0)
    expect(result).toMatchObject({ timedOut: true, signal: 'SIGTERM' })
    const pid = pidIn(file)
    await until('the child is gone', () => !runs(pid))
  })

  it('may leave a daemon that keeps the output open: it returns immediately, and the daemon lives', async () => {
    const file = join(dir, 'daemon')
    const result = await runCommand(`sleep 60 & echo $! > ${file}; echo ready; exit 0`, { timeout })
    const pid = pidIn(file)
    try {
      expect(result).toMatchObject({ exitCode: 0, timedOut: false, output: 'ready\n' })
      // runCommand returned when the shell exited, although the daemon is still running.
      expect(runs(pid)).toBe(true)
    } finally {
      process.kill(pid, 'SIGKILL')
    }
  })

  it('may print 250 MB: the beginning and the end are kept, the rest is counted', async () => {
    const before = process.memoryUsage.rss()
    let peak = before
    const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20)
    const result = await runCommand('echo first; head -c 250000000 /dev/zero; echo last', {
      timeout: 600_000,
    })
    clearInterval(sampler)
    expect(result.exitCode).toBe(0)
    expect(result.truncated).toBe(250_000_011 - 64 * 1024)
    expect(result.output.length).toBeLessThan(66 * 1024)
    expect(result.output.startsWith('first\n')).toBe(true)
    expect(result.output.endsWith('last\n')).toBe(true)
    expect(peak - before).toBeLessThan(200 * 1024 * 1024)
  })
})

describe('the fault of a command', () => {
  it('names the exit code, the command, the last lines and what to do', async () => {
    const command =
      'for i in 1 2 3 4 5 6 7 8 9 10 11; do echo line $i; done; printf "\\033[31mred\\033[0m\\n"; exit 1'
    const result = await runCommand(command, { timeout })
    const text = formatFault(commandFault('check_cmd', 'haproxy -c -f x', result))
    expect(text.split('\n')).toEqual([
      'check_cmd failed with exit code 1: haproxy -c -f x',
      ...[3, 4, 5, 6, 7, 8, 9, 10, 11].map((n) => `  | line ${n}`),
      '  | red',
      '  the destination is unchanged; correct the keys or the template; to inspect the refused file, add -keep-stage-file',
    ])
  })

  it('names the destination of a checked file, whatever its name', async () => {
    const refused = await runCommand('echo refused; false', { timeout })
    const { hint } = commandFault('check_cmd', 'x', refused, { dest: '/out/$&.conf' })
    expect(hint).toMatch(/^\/out\/\$&\.conf is unchanged; /)
  })

  it('hints at -q if a command fails without output', async () => {
    const silent = await runCommand('false', { timeout })
    expect(commandFault('reload_cmd', 'false', silent).hint).toBe(
      'the file is in place, but the program has not loaded it; the command printed nothing: check whether a flag such as -q silences it; run the command by hand to see why it fails',
    )
  })

  it('reports a program that was not found, and a timeout', async () => {
    const missing = await runCommand('no-such-program-here', { timeout })
    expect(commandFault('reload_cmd', 'x', missing).hint).toBe(
      'the file is in place, but the program has not loaded it; a program was not found: check PATH, or use its full path',
    )
    const late = await runCommand('sleep 60', { timeout: 50 })
    expect(commandFault('check_cmd', 'x', { ...late, duration: 1234 }).message).toBe(
      'check_cmd timed out after 1.2 s: x',
    )
  })
})
