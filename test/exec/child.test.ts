// The start, signals and exit of a child process. The tests use real processes and no engine.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { ChildProcess } from '../../src/exec/child.ts'
import { endOrphan, exitCodeOf, startChild } from '../../src/exec/child.ts'
import { allProcesses, isRunning, processOf, statOf } from '../../src/system/process.ts'
import { until } from '../support/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'child-'))
const isRoot = process.geteuid?.() === 0

type Options = Parameters<typeof startChild>[0]

const sh = (script: string, more: Partial<Options> = {}): ReturnType<typeof startChild> =>
  startChild({
    argv: ['/bin/sh', '-c', script],
    env: (login) => ({ PATH: process.env['PATH'], ...login }),
    killSignal: 'SIGTERM',
    killTimeout: 10_000,
    ...more,
  })

async function started(script: string, more: Partial<Options> = {}): Promise<ChildProcess> {
  const child = await sh(script, more)
  if (!child.ok) throw new Error(child.error.fault.message)
  children.push(child.value)
  return child.value
}

const children: ChildProcess[] = []
afterAll(() => {
  for (const child of children) child.kill()
})

/** Numbers the paths that `fresh` returns. */
let files = 0
const fresh = (): string => join(folder, `file-${files++}`)
const written = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}
const contentOf = (file: string): Promise<string> =>
  until(`content of ${file}`, () => written(file))

const inGroup = (group: number): readonly number[] =>
  [...allProcesses()].flatMap(({ pid, stat }) =>
    stat.group === group && stat.state !== 'Z' ? [pid] : [],
  )

describe('its start', () => {
  it('leads a session of its own, and is proved by its start time', async () => {
    const child = await started('exec sleep 60')
    const { pid } = child.id
    expect(statOf(pid)).toMatchObject({ parent: process.pid, group: pid, session: pid })
    expect(child.isAlive).toBe(true)
    expect(isRunning(child.id)).toBe(true)
    expect(isRunning({ ...child.id, started: child.id.started - 1 })).toBe(false)
    expect(await child.end()).toEqual({ code: null, signal: 'SIGTERM' })
    expect(child.isAlive).toBe(false)
  })

  it.each([
    ['#!/nonexistent/interpreter\n', /"\/nonexistent\/interpreter" of .* was not found/, /install/],
    ['#! /bin/sh\r\nexit 0\r\n', /"\/bin\/sh\\r" of .* was not found/, /CRLF/],
  ])('fails if the interpreter of a script is missing: %j', async (text, message, hint) => {
    const file = fresh()
    writeFileSync(file, text, { mode: 0o755 })
    const child = await sh('', { argv: [file] })
    expect(child).toMatchObject({ ok: false, error: { exit: 127 } })
    if (child.ok) return
    expect(child.error.fault.message).toMatch(message)
    expect(child.error.fault.hint).toMatch(hint)
  })

  it('gets its environment and nothing else', async () => {
    const file = fresh()
    const child = await started(`env > ${file}`, {
      env: () => ({ PATH: '/usr/bin:/bin', A: 'one two' }),
    })
    await child.exited
    const names = written(file)?.split('\n').sort()
    expect(names?.filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line))).toEqual([
      'A=one two',
      'PATH=/usr/bin:/bin',
    ])
  })

  it.each([
    ['a name that PATH does not have', ['no-such-program'], 127, /not in any folder of PATH/],
    ['a path that is not there', ['/no/such/program'], 127, /no such file/],
    ['a file that is not executable', ['FILE'], 126, /not executable/],
    ['a folder', ['/etc'], 126, /not executable/],
  ] as const)('reports %s', async (_, argv, exit, message) => {
    const plain = join(folder, 'plain')
    writeFileSync(plain, '#!/bin/sh\n')
    chmodSync(plain, 0o644)
    const child = await sh('', {
      argv: argv.map((word) => (word === 'FILE' ? plain : word)) as [string],
    })
    expect(child).toMatchObject({ ok: false, error: { exit } })
    if (!child.ok) expect(child.error.fault.message).toMatch(message)
  })

  it('reports a user and a group that do not exist', async () => {
    expect(await sh('', { user: 'nobody-of-this-name' })).toMatchObject({
      error: { exit: 126, fault: { message: /no user "nobody-of-this-name"/ } },
    })
    expect(await sh('', { group: 'nor-this' })).toMatchObject({ error: { exit: 126 } })
  })

  it.runIf(isRoot)('runs as a user with his group and home', async () => {
    chmodSync(folder, 0o777)
    const file = fresh()
    const child = await started(`echo $(id -u) $(id -g) $HOME $USER > ${file}`, { user: 'nobody' })
    await child.exited
    expect(written(file)).toMatch(/^65534 65534 \/\S* nobody$/)
    const other = fresh()
    await (
      await started(`id -u > ${other}; id -g >> ${other}`, {
        user: '65534',
        group: '1',
      })
    ).exited
    expect(written(other)).toBe('65534\n1')
  })
})

describe('its end', () => {
  it.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['kill -9 $$', 137],
    ['kill -TERM $$', 143],
  ])('%s gives %i', async (script, code) => {
    expect(exitCodeOf(await (await started(script)).exited)).toBe(code)
  })

  it('ends the whole process group, and kills processes that ignore the signal', async () => {
    const file = fresh()
    const script = `trap '' TERM; (trap '' TERM; while :; do sleep 0.1; done) & echo up > ${file}; wait`
    const child = await started(script, { killTimeout: 200 })
    await contentOf(file)
    expect(inGroup(child.id.pid).length).toBeGreaterThan(1)
    expect(await child.end()).toEqual({ code: null, signal: 'SIGKILL' })
    expect(inGroup(child.id.pid)).toEqual([])
  })

  it('waits for slower processes of the group', async () => {
    const [up, done] = [fresh(), fresh()]
    const other = `(trap 'sleep 0.3; echo done > ${done}; exit' TERM; echo up > ${up}; while :; do sleep 0.05; done) &`
    const child = await started(`${other} sleep 60`)
    await contentOf(up)
    await child.end()
    expect(written(done)).toBe('done')
  })

  it('ends the rest of the group after the child has exited by itself', async () => {
    const child = await started('sleep 60 & exit 3')
    expect(await child.exited).toEqual({ code: 3, signal: null })
    expect(inGroup(child.id.pid).length).toBe(1)
    expect(await child.end()).toEqual({ code: 3, signal: null })
    expect(inGroup(child.id.pid)).toEqual([])
  })

  it('continues a stopped child, so that it can handle the signal', async () => {
    const [up, file] = [fresh(), fresh()]
    const child = await started(
      `trap 'echo bye > ${file}; exit 0' TERM; echo up > ${up}; while :; do sleep 0.05; done`,
    )
    await contentOf(up)
    child.signal('SIGSTOP')
    await until('the stop', () => child.isStopped)
    expect(child.isAlive).toBe(true)
    expect(await child.end()).toEqual({ code: 0, signal: null })
    expect(written(file)).toBe('bye')
  })

  it('can be ended by another signal, and at once', async () => {
    expect(await (await started('exec sleep 60')).end('SIGINT')).toMatchObject({ signal: 'SIGINT' })
    const up = fresh()
    const deaf = await started(`trap '' TERM; echo up > ${up}; while :; do sleep 0.05; done`)
    await contentOf(up)
    const ended = deaf.end()
    deaf.kill()
    expect(await ended).toMatchObject({ signal: 'SIGKILL' })
  })
})

describe('the orphan of an earlier run', () => {
  it('is ended if its start time proves it, and only then', async () => {
    const { pid } = spawn('/bin/sh', ['-c', 'sleep 60 & sleep 60'], { detached: true })
    const id = processOf(pid as number)
    const how = { killSignal: 'SIGTERM', killTimeout: 10_000 } as const
    expect(await endOrphan({ ...id, started: id.started + 1 }, how)).toBe(false)
    expect(await endOrphan({ ...id, started: 0 }, how)).toBe(false)
    expect(isRunning(id)).toBe(true)
    expect(await endOrphan(id, how)).toBe(true)
    expect(inGroup(id.pid)).toEqual([])
    expect(await endOrphan(id, how)).toBe(false)
  })
})
