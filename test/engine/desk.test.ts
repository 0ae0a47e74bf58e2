// The reload desk with a real journal: which debts it records and removes, when it does so, and what it logs.
// test/core/reload-protocol.test.ts tests when runs and placements start.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandResult, Event } from '../../src/core/event.ts'
import type { Placement, Run } from '../../src/core/reload-run.ts'
import {
  configuredReloads,
  isJudged,
  type ConfiguredReloads,
  type Reloads,
  type ReloadTerms,
} from '../../src/core/reload.ts'
import { Desk } from '../../src/engine/desk.ts'
import type { ReloadRun } from '../../src/engine/machine.ts'
import { journalPath, openJournal, type Journal, type Owed } from '../../src/state/journal.ts'
import { EPOCH, resourceOf, TestClock } from './support.ts'

const CONFDIR = '/etc/confd'
const terms: ReloadTerms = { timeout: 60_000, minInterval: 0, splay: 0, verify: [] }
const reloads = (...commands: string[]): Reloads => new Map(commands.map((one) => [one, terms]))

const result = (exitCode: number): CommandResult => ({
  exitCode,
  signal: null,
  timedOut: false,
  output: '',
  truncated: 0,
  duration: 1,
})
const succeeded: ReloadRun = { result: result(0) }
const failed: ReloadRun = { result: result(1), fault: { kind: 'command', message: 'exit 1' } }

let dir: string
let state: string
let journal: Journal
let clock: TestClock
let events: Event[]

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'reconfd-desk-'))
  state = join(dir, 'state')
  journal = await opened()
  clock = new TestClock()
  events = []
})
afterEach(async () => {
  await journal.close()
  await rm(dir, { recursive: true })
})

async function opened(): Promise<Journal> {
  const found = await openJournal(state, CONFDIR)
  if (!found.ok) throw new Error(found.error.message)
  return found.value.journal
}

/** Returns the debts that the next start of the program would find, as commands by resource. */
async function found(): Promise<Record<string, readonly string[]>> {
  const { owed } = await opened()
  return Object.fromEntries([...owed].map(([name, { commands }]) => [name, commands]))
}

/** Records debts in the journal as an earlier run would, and reopens the journal. */
async function inherit(...entries: Partial<Owed>[]): Promise<void> {
  await journal.owe(entries.map((one) => ({ resource: 'a', since: 1, commands: [], ...one })))
  await journal.close()
  journal = await opened()
}

/** Returns resources by name, each with one template per command. */
function configured(
  resources: Readonly<Record<string, readonly string[]>>,
): ReadonlyMap<string, ConfiguredReloads> {
  const all = Object.entries(resources).map(([name, commands]) => {
    const templates = commands.map(
      (reloadCmd, n) => resourceOf(`${name}${n}`, { reloadCmd }).templates[0],
    )
    const own = templates.flatMap((one) => one ?? [])
    return [
      name,
      configuredReloads({ ...resourceOf(name), ...(own.length > 0 ? { templates: own } : {}) }),
    ] as const
  })
  return new Map(all)
}

function deskOf(
  resources: Readonly<Record<string, readonly string[]>>,
  { retries = true } = {},
): Desk {
  const desk = new Desk(journal, clock, (event) => events.push(event), retries)
  expect(desk.configure(configured(resources))).toEqual([])
  return desk
}

const placementOf = (resource: string, owing: Reloads): Placement => ({
  resources: [resource],
  owing: new Map([[resource, owing]]),
  isJudged: [...owing.values()].some(isJudged),
  isChecked: false,
})

/** Places the files of one resource. With `placed: false`, the placement is undone. */
async function place(
  desk: Desk,
  resource: string,
  owing: Reloads,
  { placed = true, isAtomic = false } = {},
): Promise<void> {
  const placement = placementOf(resource, owing)
  await desk.enter(placement)
  expect(await desk.record(placement, isAtomic)).toMatchObject({ ok: true })
  await desk.leave(placement, placed ? 'placed' : 'undone')
}

function onlyRun(desk: Desk): Run {
  const [run, ...more] = desk.due()
  if (run === undefined || more.length > 0) throw new Error(`${more.length} more runs than one`)
  return run
}

const commandsOf = (runs: readonly Run[]): string[] => runs.map(({ command }) => command)
const eventsOf = (kind: Event['kind']): Event[] => events.filter((event) => event.kind === kind)

describe('the journal', () => {
  it('has a debt from before the placement until a run succeeds', async () => {
    const desk = deskOf({ a: ['reload'] })
    const placement = placementOf('a', reloads('reload'))
    await desk.enter(placement)
    expect(await found()).toEqual({})
    await desk.record(placement, false)
    expect([await found(), desk.owes('a'), desk.due()]).toEqual([{ a: ['reload'] }, false, []])
    await desk.leave(placement, 'placed')
    const run = onlyRun(desk)
    expect([await found(), desk.owes('a')]).toEqual([{ a: ['reload'] }, true])
    expect(await desk.finish(run, succeeded)).toEqual([])
    expect([await found(), desk.owes('a'), desk.isIdle]).toEqual([{}, false, true])
  })

  it('keeps a debt and its time across failures, and the run is retried', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'))
    for (let n = 1; n <= 3; n++) {
      const run = onlyRun(desk)
      expect(await desk.finish(run, failed)).toEqual([])
      expect(await found()).toEqual({ a: ['reload'] })
      expect([...desk.failed]).toEqual(['a'])
      clock.jump(60_000)
    }
    await place(desk, 'a', reloads('reload'))
    expect(journal.owed.get('a')).toMatchObject({ since: EPOCH })
    await desk.finish(onlyRun(desk), succeeded)
    expect([await found(), desk.failed.size, desk.next]).toEqual([{}, 0, Infinity])
    expect(eventsOf('reload-owed')).toMatchObject(
      [1, 2, 3].map((attempts) => ({ resources: ['a'], attempts, exhausted: [] })),
    )
  })

  it('is rewritten after a failure if somebody has removed it', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'))
    await rm(state, { recursive: true })
    await desk.finish(onlyRun(desk), failed)
    expect(await found()).toEqual({ a: ['reload'] })
  })

  it('has all debts of a resource after another command is added', async () => {
    const desk = deskOf({ a: ['one', 'two'] }, { retries: false })
    await place(desk, 'a', reloads('one'))
    await desk.finish(onlyRun(desk), failed)
    await place(desk, 'a', reloads('two'))
    expect(await found()).toEqual({ a: ['one', 'two'] })
  })

  it('ignores resources without reloads, unless their files must change together across a crash', async () => {
    const desk = deskOf({ a: [] })
    const placement = placementOf('a', reloads())
    await desk.enter(placement)
    await desk.record(placement, false)
    expect(await found()).toEqual({})
    await desk.record(placement, true)
    expect(await found()).toEqual({ a: [] })
    await desk.leave(placement, 'placed')
    expect([await found(), desk.due()]).toEqual([{}, []])
  })

  it('fails if it cannot be written, and then nothing is owed', async () => {
    const desk = deskOf({ a: ['reload'] })
    writeFileSync(state, 'a file in the place of the folder')
    const placement = placementOf('a', reloads('reload'))
    await desk.enter(placement)
    const message = expect.stringContaining(journalPath(state, CONFDIR)) as string
    expect(await desk.record(placement, false)).toMatchObject({ ok: false, error: { message } })
    await desk.leave(placement, 'undone')
    expect(await desk.ask('a', reloads('reload'))).toMatchObject({ ok: false, error: { message } })
    expect([desk.owes('a'), desk.due(), events]).toEqual([false, [], []])
  })
})

describe('a placement that was undone', () => {
  it('owes nothing', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'), { placed: false })
    expect([await found(), desk.owes('a'), desk.due()]).toEqual([{}, false, []])
  })

  it('owes nothing even if its files change together', async () => {
    const desk = deskOf({ a: [] })
    await place(desk, 'a', reloads(), { placed: false, isAtomic: true })
    expect(await found()).toEqual({})
  })

  it('keeps earlier debts', async () => {
    const desk = deskOf({ a: ['reload'] }, { retries: false })
    await place(desk, 'a', reloads('reload'))
    await desk.finish(onlyRun(desk), failed)
    await place(desk, 'a', reloads('reload'), { placed: false })
    expect([await found(), desk.owes('a')]).toEqual([{ a: ['reload'] }, true])
  })

  it('keeps debts of an earlier run of the program', async () => {
    await inherit({ commands: ['reload'] })
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'), { placed: false })
    expect(await found()).toEqual({ a: ['reload'] })
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })
})

describe('one run', () => {
  it('for a batch is logged with all its resources, and settles all', async () => {
    const desk = deskOf({ a: ['reload'], b: ['reload'] })
    desk.reserve(['reload'])
    desk.reserve(['reload'])
    await place(desk, 'a', reloads('reload'))
    desk.release(['reload'])
    expect(desk.due()).toEqual([])
    await place(desk, 'b', reloads('reload'))
    desk.release(['reload'])
    await desk.finish(onlyRun(desk), succeeded)
    const [started, reloaded] = events
    expect(started).toEqual({ kind: 'reload-started', resources: ['a', 'b'], command: 'reload' })
    expect(reloaded).toMatchObject({ kind: 'reloaded', resources: ['a', 'b'], command: 'reload' })
    expect(await found()).toEqual({})
  })

  it('waits at most 1 s for a resource of its batch that hangs', async () => {
    const desk = deskOf({ a: ['reload'], b: ['reload'] })
    const runs: Run[] = []
    desk.reserve(['reload'])
    await place(desk, 'a', reloads('reload'))
    expect([desk.due(), desk.isIdle, desk.next]).toEqual([[], true, 1000])
    clock.after(desk.next, () => runs.push(...desk.due()))
    clock.advance(999)
    expect(runs).toEqual([])
    clock.advance(1)
    expect(runs).toHaveLength(1)
    // Resource b is placed too late for this run, so it gets a separate run.
    await desk.finish(runs[0] as Run, succeeded)
    await place(desk, 'b', reloads('reload'))
    desk.release(['reload'])
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })

  it('that began before the newest placement does not settle it', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'))
    const first = onlyRun(desk)
    await place(desk, 'a', reloads('reload'))
    await desk.finish(first, succeeded)
    expect(await found()).toEqual({ a: ['reload'] })
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })

  it('that ends during a placement does not remove the debt recorded by it', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'))
    const run = onlyRun(desk)
    const next = placementOf('a', reloads('reload'))
    await desk.enter(next)
    await desk.record(next, false)
    await desk.finish(run, succeeded)
    expect(await found()).toEqual({ a: ['reload'] })
    await desk.leave(next, 'placed')
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })

  it('settles a resource with two commands only when both have succeeded', async () => {
    const desk = deskOf({ a: ['one', 'two'] }, { retries: false })
    await place(desk, 'a', reloads('one', 'two'))
    const [one, two] = desk.due()
    await desk.finish(one as Run, succeeded)
    expect([Object.keys(await found()), desk.isIdle]).toEqual([['a'], false])
    await desk.finish(two as Run, failed)
    expect([Object.keys(await found()), [...desk.failed], desk.isIdle]).toEqual([
      ['a'],
      ['a'],
      true,
    ])
  })

  it('after too many failures, names the content to roll back; the others are retried', async () => {
    const desk = deskOf({ a: ['reload'], b: ['reload'] })
    await place(desk, 'a', new Map([['reload', { ...terms, attempts: 1 }]]))
    await place(desk, 'b', reloads('reload'))
    expect(await desk.finish(onlyRun(desk), failed)).toEqual(['a'])
    expect(desk.isExhausted('a')).toBe(true)
    expect(eventsOf('reload-owed')).toMatchObject([
      { exhausted: ['a'], retryIn: expect.any(Number) as number, fault: { message: 'exit 1' } },
    ])
    desk.persist('a')
    expect([desk.isExhausted('a'), await found()]).toEqual([
      false,
      { a: ['reload'], b: ['reload'] },
    ])
  })
})

describe('a placement that has to wait', () => {
  const judged: Reloads = new Map([['reload', { ...terms, attempts: 3 }]])

  it('for a judging run is admitted after that run and before the next', async () => {
    const desk = deskOf({ a: ['reload'], b: ['reload'] })
    await place(desk, 'a', judged)
    const run = onlyRun(desk)
    expect([desk.isReading(['b', 'a']), desk.isReading(['b'])]).toEqual([true, false])
    let isAdmitted = false
    const next = placementOf('a', judged)
    const entered = desk.enter(next).then(() => (isAdmitted = true))
    await desk.ask('b', judged)
    expect(desk.due()).toEqual([])
    // Waits a moment, so that a wrong admission would happen before the check.
    await journal.verify()
    expect(isAdmitted).toBe(false)
    await desk.finish(run, succeeded)
    expect(desk.due()).toEqual([])
    await entered
    await desk.leave(next, 'placed')
    expect([...onlyRun(desk).read.keys()]).toEqual(['b', 'a'])
  })
})

describe('requested reloads', () => {
  it('are recorded, and run', async () => {
    const desk = deskOf({ a: ['reload'] })
    expect(await desk.ask('a', reloads('reload'))).toMatchObject({ ok: true })
    expect(await found()).toEqual({ a: ['reload'] })
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })

  it('run again if requested during a run', async () => {
    const desk = deskOf({ a: ['reload'], b: ['reload'] })
    await desk.ask('a', reloads('reload'))
    const first = onlyRun(desk)
    await desk.ask('a', reloads('reload'))
    await desk.ask('b', reloads('reload'))
    expect(desk.due()).toEqual([])
    await desk.finish(first, succeeded)
    expect(Object.keys(await found())).toEqual(['a', 'b'])
    await desk.finish(onlyRun(desk), succeeded)
    expect([desk.due(), await found()]).toEqual([[], {}])
  })
})

describe('a debt of an earlier run of the program', () => {
  it('is resumed by the first configuration, once', async () => {
    await inherit({ resource: 'a', commands: ['reload'] }, { resource: 'b', commands: ['reload'] })
    const desk = deskOf({ a: ['reload'], b: ['reload'], c: ['reload'] })
    expect(desk.configure(configured({ a: ['reload'], b: ['reload'] }))).toEqual([])
    const run = onlyRun(desk)
    expect([...run.read.keys()]).toEqual(['a', 'b'])
    await desk.finish(run, succeeded)
    expect([desk.due(), await found()]).toEqual([[], {}])
  })

  it('for a command that has changed: all current commands run', async () => {
    await inherit({ commands: ['old'] })
    const desk = deskOf({ a: ['one', 'two'] })
    const runs = desk.due()
    expect(commandsOf(runs)).toEqual(['one', 'two'])
    for (const run of runs) await desk.finish(run, succeeded)
    expect(await found()).toEqual({})
  })

  it('for one of several commands: only that command runs', async () => {
    await inherit({ commands: ['two'] })
    const desk = deskOf({ a: ['one', 'two'] })
    expect(commandsOf(desk.due())).toEqual(['two'])
  })

  it('of a resource without a command: nothing is left to run', async () => {
    await inherit({ resource: 'a', commands: ['old'] }, { resource: 'b', commands: [] })
    const desk = new Desk(journal, clock, (event) => events.push(event), true)
    const free = desk.configure(configured({ a: [], b: ['reload'] }))
    // The record of b names no command, since only the swap of its files was interrupted.
    expect(free).toEqual(['a', 'b'])
    await desk.strike(free)
    expect([desk.due(), await found()]).toEqual([[], {}])
  })

  it('for a file of for_each: the template of its command is found', async () => {
    await inherit({ commands: ['add /etc/sites/x.conf'] })
    const desk = new Desk(journal, clock, (event) => events.push(event), true)
    const forEach = { forEach: '/sites/*', dest: '/etc/sites/{{ item.name }}.conf' }
    const sites = resourceOf('a', { ...forEach, reloadCmd: 'add {{.dest}}' })
    expect(desk.configure(new Map([['a', configuredReloads(sites)]]))).toEqual([])
    const run = onlyRun(desk)
    expect(run.command).toBe('add /etc/sites/x.conf')
    await desk.finish(run, succeeded)
    expect(await found()).toEqual({})
  })

  it('of a resource that is not configured stays in the journal until the resource returns', async () => {
    await inherit({ resource: 'gone', commands: ['reload'] })
    const desk = deskOf({ a: ['reload'] })
    expect([desk.due(), desk.owes('gone'), await found()]).toEqual([[], true, { gone: ['reload'] }])
    expect(desk.configure(configured({ gone: ['reload'] }))).toEqual([])
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })

  it('is not settled by the run of another command', async () => {
    await inherit({ commands: ['two'] })
    const desk = deskOf({ a: ['one', 'two'] })
    desk.reserve(['one', 'two'])
    await place(desk, 'a', reloads('one'))
    desk.release(['one', 'two'])
    const runs = desk.due()
    expect(commandsOf(runs).sort()).toEqual(['one', 'two'])
    const [first, second] = runs
    await desk.finish(first as Run, succeeded)
    expect(Object.keys(await found())).toEqual(['a'])
    await desk.finish(second as Run, succeeded)
    expect(await found()).toEqual({})
  })
})

describe('a new configuration', () => {
  it('a corrected command replaces the failing one', async () => {
    const desk = deskOf({ a: ['typo'] })
    await place(desk, 'a', reloads('typo'))
    await desk.finish(onlyRun(desk), failed)
    expect(desk.configure(configured({ a: ['right'] }))).toEqual([])
    const run = onlyRun(desk)
    expect(run.command).toBe('right')
    await desk.finish(run, succeeded)
    clock.jump(60_000)
    expect([desk.due(), await found(), desk.failed.size]).toEqual([[], {}, 0])
  })

  it('the debt of a removed resource is kept, logged and not retried until the resource returns', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'))
    await desk.finish(onlyRun(desk), failed)
    expect(desk.configure(configured({}))).toEqual([])
    expect(eventsOf('notice')).toEqual([
      {
        kind: 'notice',
        level: 'warn',
        message: 'a was removed from conf.d: its owed reload is not retried',
      },
    ])
    clock.jump(60_000)
    expect([desk.due(), desk.failed.size, await found()]).toEqual([[], 0, { a: ['reload'] }])
    desk.configure(configured({ a: ['reload'] }))
    await desk.finish(onlyRun(desk), succeeded)
    expect(await found()).toEqual({})
  })

  it('removes a command during a placement: its debt is kept until the placement ends', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', reloads('reload'))
    await desk.finish(onlyRun(desk), failed)
    const placement = placementOf('a', reloads('reload'))
    await desk.enter(placement)
    await desk.record(placement, false)
    await desk.strike(desk.configure(configured({ a: [] })))
    expect(await found()).toEqual({ a: ['reload'] })
    await desk.leave(placement, 'placed')
    expect([await found(), desk.owes('a'), desk.due()]).toEqual([{}, false, []])
  })

  it('applies to requested reloads', async () => {
    const desk = deskOf({ a: ['old'] })
    const asked = desk.ask('a', reloads('old'))
    desk.configure(configured({ a: ['new'] }))
    await asked
    await desk.finish(onlyRun(desk), succeeded)
    expect([eventsOf('reloaded'), await found()]).toMatchObject([[{ command: 'new' }], {}])
  })

  it('that arrives during a placement determines what it owes', async () => {
    const desk = deskOf({ a: ['old'], b: ['reload'] })
    const placements = [placementOf('a', reloads('old')), placementOf('b', reloads('reload'))]
    for (const one of placements) {
      await desk.enter(one)
      await desk.record(one, false)
    }
    desk.configure(configured({ a: ['new'] }))
    for (const one of placements) await desk.leave(one, 'placed')
    const run = onlyRun(desk)
    expect([run.command, Object.keys(await found())]).toEqual(['new', ['a', 'b']])
    await desk.finish(run, succeeded)
    expect(await found()).toEqual({ b: ['reload'] })
  })
})

describe('pace', () => {
  const paced = (more: Partial<ReloadTerms>): Reloads =>
    new Map([['reload', { ...terms, ...more }]])

  it('min_reload_interval delays early reloads, and runs them once', async () => {
    const desk = deskOf({ a: ['reload'] })
    const runs: Run[] = []
    await place(desk, 'a', paced({ minInterval: 10_000 }))
    await desk.finish(onlyRun(desk), succeeded)
    for (let n = 0; n < 5; n++) {
      clock.advance(1000)
      await place(desk, 'a', paced({ minInterval: 10_000 }))
      expect(desk.due()).toEqual([])
    }
    clock.after(desk.next - clock.now(), () => runs.push(...desk.due()))
    clock.advance(4999)
    expect(runs).toEqual([])
    clock.advance(1)
    expect(runs).toHaveLength(1)
    await desk.finish(runs[0] as Run, succeeded)
    clock.advance(60_000)
    expect([desk.due(), desk.next]).toEqual([[], Infinity])
  })

  it('a delayed reload does not delay the shutdown, and stays owed', async () => {
    const desk = deskOf({ a: ['reload'] })
    await place(desk, 'a', paced({ minInterval: 10_000 }))
    await desk.finish(onlyRun(desk), succeeded)
    await place(desk, 'a', paced({ minInterval: 10_000 }))
    expect(desk.due()).toEqual([])
    desk.close()
    expect([desk.isIdle, await found()]).toEqual([true, { a: ['reload'] }])
  })

  it('a onetime run does not delay reloads', async () => {
    const desk = deskOf({ a: ['reload'] }, { retries: false })
    await place(desk, 'a', paced({ splay: 10_000 }))
    expect(desk.due()).toHaveLength(1)
  })
})
