// The reload desk over a real journal; the commands are promises that the test ends as it likes.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { CommandResult, Event } from '../../src/core/event.ts'
import type { Fault } from '../../src/core/fault.ts'
import { openOwed, type OwedJournal } from '../../src/state/journal.ts'
import type { Reloads } from '../../src/core/reload.ts'
import { ReloadDesk } from '../../src/engine/desk.ts'

const result = (exitCode: number): CommandResult => ({
  exitCode,
  signal: null,
  timedOut: false,
  output: '',
  truncated: 0,
  duration: 1,
})

const terms = { timeout: 60_000, minInterval: 0, splay: 0, verify: [] }
const reloads = (...commands: string[]): Reloads => new Map(commands.map((one) => [one, terms]))

let dir: string
let journal: OwedJournal
let runs: { command: string; end: (exitCode: number) => void }[]
let events: Event[]
let lastGood: { began: string[]; proved: string[] }

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reconfd-desk-'))
  journal = await opened()
  runs = []
  events = []
  lastGood = { began: [], proved: [] }
})
afterEach(async () => {
  vi.useRealTimers()
  await journal.close()
  await rm(dir, { recursive: true })
})

async function opened(): Promise<OwedJournal> {
  const journal = await openOwed(dir, '/etc/confd')
  if (!journal.ok) throw new Error(journal.error.message)
  return journal.value
}

function deskWith(retry = true): ReloadDesk {
  return new ReloadDesk({
    journal,
    emit: (event) => events.push(event),
    run: (command) =>
      new Promise((resolve) => {
        const fault = (exitCode: number): Fault => ({
          kind: 'command',
          message: `exit ${exitCode}`,
        })
        const end = (exitCode: number): void =>
          resolve({
            result: result(exitCode),
            ...(exitCode === 0 ? {} : { fault: fault(exitCode) }),
          })
        runs.push({ command, end })
      }),
    giveUp: async () => false,
    began: (names) => lastGood.began.push(...names),
    proved: async (names) => void lastGood.proved.push(...names),
    retry,
  })
}

const told = (kind: Event['kind']): Event[] => events.filter((event) => event.kind === kind)
const ended = (kind: Event['kind'], count = 1): Promise<void> =>
  vi.waitFor(() => expect(told(kind)).toHaveLength(count))

describe('the reload desk', () => {
  it('runs a command that several resources share once, when all of them are in place', async () => {
    const desk = deskWith()
    desk.hold(reloads('reload'))
    desk.hold(reloads('reload'))
    await desk.owe('a', reloads('reload'))
    desk.request('a', reloads('reload'))
    desk.release(reloads('reload'))
    expect(runs).toHaveLength(0)
    await desk.owe('b', reloads('reload'))
    desk.request('b', reloads('reload'))
    desk.release(reloads('reload'))
    expect(runs).toHaveLength(1)
    runs[0]?.end(0)
    await desk.idle()
    expect(told('reloaded')).toMatchObject([{ resources: ['a', 'b'] }])
    expect(journal.all().size).toBe(0)
  })

  it('does not wait for ever for one whose check hangs', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const desk = deskWith()
    desk.hold(reloads('reload'))
    desk.hold(reloads('reload'))
    desk.request('a', reloads('reload'))
    desk.release(reloads('reload'))
    expect(runs).toHaveLength(0)
    vi.advanceTimersByTime(1000)
    expect(runs).toHaveLength(1)
    // The late one gets a reload of its own.
    desk.request('b', reloads('reload'))
    desk.release(reloads('reload'))
    vi.useRealTimers()
    runs[0]?.end(0)
    await vi.waitFor(() => expect(runs).toHaveLength(2))
    runs[1]?.end(0)
    await desk.idle()
  })

  it('keeps what is owed in the journal until the command succeeds, and retries it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const desk = deskWith()
    await desk.owe('a', reloads('reload'))
    desk.request('a', reloads('reload'))
    for (let n = 0; n < 3; n++) {
      runs[n]?.end(n < 2 ? 1 : 0)
      await ended(n < 2 ? 'reload-owed' : 'reloaded', n < 2 ? n + 1 : 1)
      if (n < 2) {
        expect(journal.all().has('a')).toBe(true)
        expect([...desk.failed]).toEqual(['a'])
        vi.advanceTimersByTime(60_000)
      }
    }
    await desk.idle()
    expect(runs).toHaveLength(3)
    expect(journal.all().size).toBe(0)
    expect(desk.failed.size).toBe(0)
  })

  it('a reload that began before the newest swap does not settle it', async () => {
    const desk = deskWith()
    await desk.owe('a', reloads('reload'))
    desk.request('a', reloads('reload'))
    expect(runs).toHaveLength(1)
    await desk.owe('a', reloads('reload')) // the next content is about to be swapped in
    runs[0]?.end(0)
    await ended('reloaded')
    await desk.idle()
    expect(journal.all().has('a')).toBe(true)
    desk.request('a', reloads('reload'))
    expect(runs).toHaveLength(2)
    runs[1]?.end(0)
    await desk.idle()
    expect(journal.all().size).toBe(0)
  })

  it('runs again when it was asked for while running', async () => {
    const desk = deskWith()
    desk.request('a', reloads('reload'))
    desk.request('a', reloads('reload'))
    desk.request('b', reloads('reload'))
    expect(runs).toHaveLength(1)
    runs[0]?.end(0)
    await vi.waitFor(() => expect(runs).toHaveLength(2))
    runs[1]?.end(0)
    await desk.idle()
    expect(runs).toHaveLength(2)
  })

  it('recovers what a former life owed, once, and drops it when the command is gone', async () => {
    await journal.owe([
      { resource: 'a', since: 1, attempts: 0, commands: ['old'] },
      { resource: 'b', since: 1, attempts: 0, commands: ['old'] },
    ])
    await journal.close()
    journal = await opened()
    const desk = deskWith()
    desk.recover('a', reloads('reload'))
    desk.recover('a', reloads('reload'))
    desk.recover('b', reloads())
    desk.recover('c', reloads('reload'))
    expect(runs.map(({ command }) => command)).toEqual(['reload'])
    runs[0]?.end(0)
    await desk.idle()
    await vi.waitFor(() => expect(journal.all().size).toBe(0))
  })

  it('what a former life owed survives a swap that did not happen', async () => {
    await journal.owe([{ resource: 'a', since: 1, attempts: 0, commands: ['reload'] }])
    const desk = deskWith()
    await desk.owe('a', reloads('reload'))
    await desk.withdraw('a')
    expect(journal.all().has('a')).toBe(true)
    desk.recover('a', reloads('reload'))
    expect(runs).toHaveLength(1)
    runs[0]?.end(0)
    await desk.idle()
    expect(journal.all().size).toBe(0)
  })

  it('the reload of one file does not settle what a former life owed for another', async () => {
    await journal.owe([{ resource: 'a', since: 1, attempts: 0, commands: ['two'] }])
    const desk = deskWith()
    desk.hold(reloads('one', 'two'))
    await desk.owe('a', reloads('one'))
    desk.request('a', reloads('one'))
    desk.recover('a', reloads('one', 'two'))
    desk.release(reloads('one', 'two'))
    expect(runs.map(({ command }) => command)).toEqual(['one', 'two'])
    for (const { end } of runs) end(0)
    await desk.idle()
    expect(journal.all().size).toBe(0)
  })

  it('a command that was corrected while it failed takes the place of the old one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const desk = deskWith()
    await desk.owe('a', reloads('typo'))
    desk.request('a', reloads('typo'))
    runs[0]?.end(1)
    await ended('reload-owed')
    desk.recover('a', reloads('right'))
    runs[1]?.end(0)
    await desk.idle()
    vi.advanceTimersByTime(60_000)
    expect(runs.map(({ command }) => command)).toEqual(['typo', 'right'])
    expect(journal.all().size).toBe(0)
    expect(desk.failed.size).toBe(0)
  })

  it('a swap that did not happen owes nothing, unless something was owed before', async () => {
    const desk = deskWith(false)
    await desk.owe('a', reloads('reload'))
    await desk.withdraw('a')
    expect(journal.all().size).toBe(0)
    await desk.owe('a', reloads('reload'))
    desk.request('a', reloads('reload'))
    runs[0]?.end(1)
    await desk.idle()
    await desk.owe('a', reloads('reload'))
    await desk.withdraw('a')
    expect(journal.all().has('a')).toBe(true)
  })

  it('a resource with two commands is settled when both have succeeded', async () => {
    const desk = deskWith(false)
    await desk.owe('a', reloads('one', 'two'))
    desk.request('a', reloads('one', 'two'))
    runs[0]?.end(0)
    await ended('reloaded')
    expect(journal.all().has('a')).toBe(true)
    runs[1]?.end(0)
    await desk.idle()
    expect(journal.all().size).toBe(0)
  })

  describe('pace', () => {
    beforeEach(() => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    })
    const paced = (more: Partial<typeof terms>): Reloads =>
      new Map([['reload', { ...terms, ...more }]])
    const now = (desk: ReloadDesk, all: Reloads): void => {
      desk.hold(all)
      desk.request('a', all)
      desk.release(all)
    }

    it('min_reload_interval delays what comes too early, and runs it once', async () => {
      const desk = deskWith()
      const all = paced({ minInterval: 10_000 })
      now(desk, all)
      runs[0]?.end(0)
      await ended('reloaded')
      for (let n = 0; n < 5; n++) {
        vi.advanceTimersByTime(1000)
        now(desk, all)
      }
      expect(runs).toHaveLength(1)
      // Waiting for an event moves the clock by a few milliseconds as well.
      vi.advanceTimersByTime(4000)
      expect(runs).toHaveLength(1)
      vi.advanceTimersByTime(1000)
      expect(runs).toHaveLength(2)
      runs[1]?.end(0)
      await ended('reloaded', 2)
      vi.advanceTimersByTime(60_000)
      expect(runs).toHaveLength(2)
    })

    it('splay waits a random time, at most so long, and changes meanwhile do not put it off', () => {
      const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
      const desk = deskWith()
      const all = paced({ splay: 10_000 })
      now(desk, all)
      random.mockReturnValue(1)
      vi.advanceTimersByTime(4999)
      now(desk, all)
      expect(runs).toHaveLength(0)
      vi.advanceTimersByTime(1)
      expect(runs).toHaveLength(1)
      random.mockRestore()
    })

    it('what waits for its pace does not hold up the end: it stays owed', async () => {
      const desk = deskWith()
      const all = paced({ minInterval: 10_000 })
      now(desk, all)
      runs[0]?.end(0)
      await ended('reloaded')
      await desk.owe('a', all)
      now(desk, all)
      await desk.close()
      expect(runs).toHaveLength(1)
      expect(journal.all().has('a')).toBe(true)
    })

    it('a onetime run waits for no pace', () => {
      const desk = deskWith(false)
      now(desk, paced({ splay: 10_000 }))
      expect(runs).toHaveLength(1)
    })
  })
})
