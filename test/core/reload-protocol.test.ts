// The reload protocol: when placements and runs begin, and what a run settles. The tests pass the times and never wait.
import { describe, expect, it } from 'vitest'
import { ReloadProtocol } from '../../src/core/reload-protocol.ts'
import type { Placement, Run } from '../../src/core/reload-run.ts'
import {
  configuredReloads,
  type ConfiguredReloads,
  type Reloads,
  type ReloadTerms,
} from '../../src/core/reload.ts'
import { resourceOf } from '../engine/support.ts'

const plain: ReloadTerms = { timeout: 60_000, minInterval: 0, splay: 0, verify: [] }
const judged: ReloadTerms = { ...plain, attempts: 2 }
const reloads = (terms: ReloadTerms, ...commands: string[]): Reloads =>
  new Map(commands.map((one) => [one, terms]))

/** Returns a placement of one resource, which then owes the command on these terms. */
const placementOf = (
  resource: string,
  terms: ReloadTerms = plain,
  command = 'reload',
): Placement => ({
  resources: [resource],
  owing: new Map([[resource, reloads(terms, command)]]),
  isJudged: terms !== plain,
  isChecked: false,
})

/** Returns a protocol with a fixed random number; 1 gives the longest backoff and splay. */
const protocolOf = ({ retries = true, random = 1 } = {}): ReloadProtocol =>
  new ReloadProtocol(retries, () => random)

/** @param placed false if the new files were in place and the previous ones have been restored */
const leave = (
  protocol: ReloadProtocol,
  placement: Placement,
  placed: boolean,
  now: number,
): void =>
  protocol.end(placement, { kind: placed ? 'placed' : 'undone', owing: placement.owing }, now)

/** Begins and ends a placement, which must be admitted immediately. */
function place(protocol: ReloadProtocol, placement: Placement, now = 0): void {
  expect(protocol.request(placement, now)).toBe(true)
  leave(protocol, placement, true, now)
}

const started = (protocol: ReloadProtocol, now: number): readonly Run[] =>
  protocol.step(now).started

/** Returns the run that starts now; throws unless there is exactly one. */
function onlyRun(protocol: ReloadProtocol, now: number): Run {
  const [run, ...more] = started(protocol, now)
  if (run === undefined || more.length > 0) throw new Error(`${more.length} more runs than one`)
  return run
}

/** Returns the resources that each run reads, by command. */
const told = (runs: readonly Run[]): Record<string, string[]> =>
  Object.fromEntries(runs.map(({ command, read }) => [command, [...read.keys()]]))

it('runs 32 commands at once, and the others as soon as one has ended', () => {
  const protocol = protocolOf()
  const names = Array.from({ length: 34 }, (_, n) => `r${n}`)
  for (const name of names) place(protocol, placementOf(name, plain, name))
  const runs = started(protocol, 0)
  expect([runs.length, protocol.isIdle(0), protocol.next]).toEqual([32, false, Infinity])
  expect(started(protocol, 50)).toEqual([])
  const begun = new Set(runs.map(({ command }) => command))
  const waiting = names.filter((name) => !begun.has(name))
  // A run that is still waiting must read everything that is placed before it starts.
  for (const name of waiting) place(protocol, placementOf(name, plain, name), 60)
  protocol.finish(runs[7] as Run, true, 100)
  const next = onlyRun(protocol, 100)
  protocol.finish(runs[8] as Run, false, 110)
  const last = onlyRun(protocol, 110)
  const settled = [next, last].flatMap((run) => protocol.finish(run, true, 120).settled)
  expect(settled.sort()).toEqual(waiting.sort())
})

describe('one run for all that owe a command', () => {
  it('starts when all of a batch are in place', () => {
    const protocol = protocolOf()
    protocol.reserve(['reload'])
    protocol.reserve(['reload'])
    place(protocol, placementOf('a'))
    protocol.release(['reload'])
    expect(started(protocol, 0)).toEqual([])
    place(protocol, placementOf('b'), 10)
    protocol.release(['reload'])
    const run = onlyRun(protocol, 10)
    expect(told([run])).toEqual({ reload: ['a', 'b'] })
    expect(protocol.finish(run, true, 20).settled).toEqual(['a', 'b'])
    expect([protocol.owes('a'), protocol.owes('b'), protocol.next]).toEqual([
      false,
      false,
      Infinity,
    ])
  })

  it('waits at most 1 s after the last placement for one whose check hangs', () => {
    const protocol = protocolOf()
    protocol.reserve(['reload'])
    place(protocol, placementOf('a'), 0)
    place(protocol, placementOf('b'), 700)
    expect([protocol.next, started(protocol, 1699)]).toEqual([1700, []])
    const run = onlyRun(protocol, 1700)
    expect(told([run])).toEqual({ reload: ['a', 'b'] })
    protocol.finish(run, true, 1800)
    // A placement that comes too late gets a separate run.
    place(protocol, placementOf('c'), 5000)
    protocol.release(['reload'])
    expect(told(started(protocol, 5000))).toEqual({ reload: ['c'] })
  })

  it('waits at most 10 s in all, however many placements follow one another', () => {
    const protocol = protocolOf()
    protocol.reserve(['reload'])
    for (let now = 0; now < 10_000; now += 500) {
      place(protocol, placementOf(`r${now}`), now)
      expect(started(protocol, now)).toEqual([])
    }
    expect([protocol.next, started(protocol, 9999)]).toEqual([10_000, []])
    expect(onlyRun(protocol, 10_000).read.size).toBe(20)
  })

  it('uses the longest timeout and every verify_cmd of those who owe it', () => {
    const protocol = protocolOf()
    const verify = (command: string) => [{ command, timeout: 5, attempts: 1 }]
    place(protocol, placementOf('a', { ...plain, timeout: 5, verify: verify('v1') }))
    place(protocol, placementOf('b', { ...plain, timeout: 9, verify: verify('v2'), attempts: 3 }))
    place(protocol, placementOf('c', { ...plain, timeout: 7, verify: verify('v1'), attempts: 2 }))
    expect(onlyRun(protocol, 0).terms).toEqual({
      timeout: 9,
      attempts: 3,
      sensitive: false,
      verify: [...verify('v1'), ...verify('v2')],
    })
  })

  it('does not delay the run of another command', () => {
    const protocol = protocolOf()
    protocol.reserve(['reload'])
    place(protocol, placementOf('a'))
    place(protocol, placementOf('b', plain, 'other'))
    expect(told(started(protocol, 0))).toEqual({ other: ['b'] })
  })

  it('a resource with two commands is settled when both have succeeded', () => {
    const protocol = protocolOf({ retries: false })
    const owing = new Map([['a', reloads(plain, 'one', 'two')]])
    place(protocol, { resources: ['a'], owing, isJudged: false, isChecked: false })
    const [one, two] = started(protocol, 0)
    expect([one?.command, two?.command]).toEqual(['one', 'two'])
    expect(protocol.provedBy(one as Run)).toEqual([])
    expect(protocol.finish(one as Run, true, 1).settled).toEqual([])
    expect(protocol.owedBy('a')).toEqual(['two'])
    expect(protocol.provedBy(two as Run)).toEqual(['a'])
    expect(protocol.finish(two as Run, true, 2).settled).toEqual(['a'])
  })
})

describe('a run settles what it has read', () => {
  it('and no placement that began while it ran', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    place(protocol, placementOf('b'))
    const run = onlyRun(protocol, 0)
    place(protocol, placementOf('a'), 5)
    expect(started(protocol, 5)).toEqual([])
    expect(protocol.provedBy(run)).toEqual(['b'])
    expect(protocol.finish(run, true, 10).settled).toEqual(['b'])
    const next = onlyRun(protocol, 10)
    expect(told([next])).toEqual({ reload: ['a'] })
    expect(protocol.finish(next, true, 20).settled).toEqual(['a'])
  })

  it('nor one that began while it ran and ends later', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    const late = placementOf('a')
    expect(protocol.request(late, 5)).toBe(true)
    protocol.finish(run, true, 10)
    leave(protocol, late, true, 15)
    expect(protocol.owes('a')).toBe(true)
    expect(told(started(protocol, 15))).toEqual({ reload: ['a'] })
  })

  it('one that overlaps an undone placement may have read the removed files: it runs again', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    const undone = placementOf('a')
    expect(protocol.request(undone, 5)).toBe(true)
    leave(protocol, undone, false, 10)
    expect(protocol.provedBy(run)).toEqual([])
    expect(protocol.finish(run, true, 15).settled).toEqual([])
    expect(told(started(protocol, 15))).toEqual({ reload: ['a'] })
  })

  it('one that overlaps a placement whose files were never touched counts', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    const refused = placementOf('a')
    expect(protocol.request(refused, 5)).toBe(true)
    protocol.end(refused, { kind: 'untouched' }, 10)
    expect(protocol.finish(run, true, 15).settled).toEqual(['a'])
  })

  it('and runs again, once, if it was requested during the run', () => {
    const protocol = protocolOf()
    protocol.owe('a', reloads(plain, 'reload'), 0)
    const run = onlyRun(protocol, 0)
    protocol.owe('a', reloads(plain, 'reload'), 1)
    protocol.owe('b', reloads(plain, 'reload'), 2)
    protocol.owe('a', reloads(plain, 'reload'), 3)
    expect(started(protocol, 5)).toEqual([])
    expect(protocol.finish(run, true, 10).settled).toEqual([])
    const again = onlyRun(protocol, 10)
    expect(protocol.finish(again, true, 20).settled).toEqual(['a', 'b'])
    expect([started(protocol, 1e9), protocol.next]).toEqual([[], Infinity])
  })

  it('a placement that was undone owes nothing, unless something was owed before', () => {
    const protocol = protocolOf()
    const first = placementOf('a')
    protocol.request(first, 0)
    leave(protocol, first, false, 0)
    expect([protocol.owes('a'), started(protocol, 0)]).toEqual([false, []])
    place(protocol, placementOf('a'))
    const second = placementOf('a', plain, 'other')
    protocol.request(second, 0)
    leave(protocol, second, false, 0)
    expect([protocol.owedBy('a'), told(started(protocol, 0))]).toEqual([
      ['reload'],
      { reload: ['a'] },
    ])
  })
})

describe('the content in place is unproved', () => {
  it('until a run that has read it succeeds', () => {
    const protocol = protocolOf()
    expect(protocol.isUnproved('a')).toBe(false)
    place(protocol, placementOf('a'))
    expect(protocol.isUnproved('a')).toBe(true)
    protocol.finish(onlyRun(protocol, 0), false, 0)
    expect(protocol.isUnproved('a')).toBe(true)
    const run = onlyRun(protocol, 1000)
    expect([protocol.provedBy(run), protocol.isUnproved('a')]).toEqual([['a'], true])
    protocol.finish(run, true, 1000)
    expect(protocol.isUnproved('a')).toBe(false)
  })

  it('and, with several commands, until runs of all of them have', () => {
    const protocol = protocolOf()
    const owing = new Map([['a', reloads(plain, 'one', 'two')]])
    place(protocol, { resources: ['a'], owing, isJudged: false, isChecked: false })
    const [one, two] = started(protocol, 0)
    protocol.finish(one as Run, true, 0)
    expect(protocol.isUnproved('a')).toBe(true)
    protocol.finish(two as Run, true, 0)
    expect(protocol.isUnproved('a')).toBe(false)
  })

  it('if an earlier run of reconfd has left a debt', () => {
    const protocol = protocolOf()
    protocol.inherit('a', reloads(plain, 'reload'), 0)
    expect(protocol.isUnproved('a')).toBe(true)
    protocol.finish(onlyRun(protocol, 0), true, 0)
    expect(protocol.isUnproved('a')).toBe(false)
  })

  it('if it was placed during the run', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    place(protocol, placementOf('a'), 5)
    protocol.finish(run, true, 10)
    expect(protocol.isUnproved('a')).toBe(true)
  })

  it('but not because another reload of it is requested', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    protocol.owe('a', reloads(plain, 'reload'), 5)
    expect(protocol.provedBy(run)).toEqual(['a'])
    expect(protocol.finish(run, true, 10).settled).toEqual([])
    expect([protocol.isUnproved('a'), protocol.owes('a')]).toEqual([false, true])
  })
})

describe('a run and placements under way', () => {
  it('never starts while one of its owers is being placed, and follows at once', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const placements = [placementOf('a'), placementOf('b')]
    for (const one of placements) expect(protocol.request(one, 1)).toBe(true)
    expect(started(protocol, 10)).toEqual([])
    leave(protocol, placements[0] as Placement, true, 20)
    expect(started(protocol, 20)).toEqual([])
    expect(protocol.isIdle(20)).toBe(false)
    leave(protocol, placements[1] as Placement, true, 30)
    expect(told(started(protocol, 30))).toEqual({ reload: ['a', 'b'] })
  })

  it('nor while a resource that owes it is placed for another command', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const other = placementOf('a', plain, 'other')
    protocol.request(other, 1)
    expect(started(protocol, 10)).toEqual([])
    leave(protocol, other, true, 20)
    // No run of either command has read the newest content yet.
    expect(told(started(protocol, 20))).toEqual({ reload: ['a'], other: ['a'] })
  })

  it('nor during a placement of a resource that comes to owe it meanwhile', () => {
    const protocol = protocolOf()
    const placement = placementOf('a', plain, 'other')
    protocol.request(placement, 0)
    protocol.owe('a', reloads(plain, 'reload'), 5)
    expect(started(protocol, 10)).toEqual([])
    leave(protocol, placement, false, 20)
    expect(told(started(protocol, 20))).toEqual({ reload: ['a'] })
  })

  it('is not delayed by placements of other resources', () => {
    const protocol = protocolOf()
    protocol.request(placementOf('b', plain, 'other'), 0)
    place(protocol, placementOf('a'))
    expect(told(started(protocol, 0))).toEqual({ reload: ['a'] })
  })

  it('once it is due, further placements of its owers let it precede them', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const first = placementOf('a')
    protocol.request(first, 0)
    expect(started(protocol, 10)).toEqual([])
    const second = placementOf('b')
    expect(protocol.request(second, 20)).toBe(false)
    leave(protocol, first, true, 30)
    const { admitted, started: runs } = protocol.step(30)
    expect([told(runs), admitted]).toEqual([{ reload: ['a'] }, [second]])
  })

  it('does not keep others waiting for more than 10 s where one of its owers hangs', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    protocol.request(placementOf('a'), 0)
    protocol.step(10)
    const second = placementOf('b')
    expect(protocol.request(second, 20)).toBe(false)
    expect(protocol.step(10_019).admitted).toEqual([])
    // No other event will follow, so the timer must be set for the moment when the 10 s are over.
    expect(protocol.next).toBe(10_020)
    expect(protocol.step(10_020).admitted).toEqual([second])
  })

  it('sets no timer if only the end of a run can admit a placement', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', judged))
    const run = onlyRun(protocol, 0)
    const second = placementOf('b')
    expect(protocol.request(second, 0)).toBe(false)
    expect(protocol.step(10_000).admitted).toEqual([])
    expect(protocol.next).toBe(Infinity)
    protocol.finish(run, true, 10_000)
    expect(protocol.step(10_000).admitted).toEqual([second])
  })

  it('is not delayed forever by a stream of overlapping placements', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    let underway = [placementOf('a')]
    protocol.request(underway[0] as Placement, 0)
    const runs: Run[] = []
    for (let now = 1; runs.length === 0 && now < 1000; now++) {
      const next = placementOf(`r${now}`)
      const isBegun = protocol.request(next, now)
      if (isBegun) underway.push(next)
      leave(protocol, underway.shift() as Placement, true, now)
      const step = protocol.step(now)
      underway = [...underway, ...step.admitted]
      runs.push(...step.started)
      if (underway.length === 0) break
    }
    expect(runs).toHaveLength(1)
  })
})

describe('a run that fails', () => {
  it('is retried, later each time, until it succeeds', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    let now = 0
    const waits: (number | null)[] = []
    for (let n = 1; n <= 8; n++) {
      const verdict = protocol.finish(onlyRun(protocol, now), false, now)
      expect(verdict).toMatchObject({ settled: [], exhausted: [], attempts: n })
      expect([protocol.owes('a'), protocol.isIdle(now)]).toEqual([true, true])
      waits.push(verdict.retryIn)
      const wait = verdict.retryIn as number
      expect(protocol.next).toBe(now + wait)
      expect(started(protocol, now + wait - 1)).toEqual([])
      now += wait
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
    expect(protocol.finish(onlyRun(protocol, now), true, now).settled).toEqual(['a'])
    expect([protocol.owes('a'), protocol.next]).toEqual([false, Infinity])
  })

  it('in a onetime run is left to the next one', () => {
    const protocol = protocolOf({ retries: false })
    place(protocol, placementOf('a'))
    const verdict = protocol.finish(onlyRun(protocol, 0), false, 0)
    expect(verdict).toMatchObject({ retryIn: null, exhausted: [] })
    expect([protocol.owes('a'), protocol.next, protocol.isIdle(0)]).toEqual([true, Infinity, true])
  })

  it('does not delay newer content', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    for (let n = 0; n < 5; n++) {
      protocol.finish(onlyRun(protocol, n * 60_000), false, n * 60_000)
    }
    place(protocol, placementOf('a'), 240_001)
    const verdict = protocol.finish(onlyRun(protocol, 240_001), false, 240_001)
    expect(verdict).toMatchObject({ attempts: 1, retryIn: 1000 })
  })

  it('is not retried for the old content when a newer one came while it ran: that is tried at once', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    place(protocol, placementOf('a'), 5)
    expect(protocol.finish(run, false, 10).retryIn).toBe(0)
    expect(told(started(protocol, 10))).toEqual({ reload: ['a'] })
  })

  it('is no longer retried once the protocol is closed, even if a retry is scheduled', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    place(protocol, placementOf('b', plain, 'other'))
    const [a, b] = started(protocol, 0)
    protocol.finish(a as Run, false, 0)
    protocol.close()
    expect(protocol.finish(b as Run, false, 0).retryIn).toBeNull()
    expect(started(protocol, 100_000)).toEqual([])
    expect(protocol.isIdle(100_000)).toBe(true)
    expect([protocol.owes('a'), protocol.owes('b')]).toEqual([true, true])
  })
})

describe('attempts', () => {
  it('content is exhausted after that many failed runs that have read it', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', judged))
    expect(protocol.finish(onlyRun(protocol, 0), false, 0)).toMatchObject({ exhausted: [] })
    expect(protocol.isExhausted('a')).toBe(false)
    const verdict = protocol.finish(onlyRun(protocol, 1000), false, 1000)
    expect(verdict).toMatchObject({ exhausted: ['a'], attempts: 2, retryIn: null })
    expect([protocol.isExhausted('a'), protocol.next]).toEqual([true, Infinity])
  })

  it('a onetime run, too, does not end before the working files are back', () => {
    const protocol = protocolOf({ retries: false })
    place(protocol, placementOf('a', judged))
    expect(protocol.finish(onlyRun(protocol, 0), false, 0).retryIn).toBe(1000)
    expect(protocol.isIdle(0)).toBe(false)
    expect(protocol.finish(onlyRun(protocol, 1000), false, 1000).exhausted).toEqual(['a'])
    expect(protocol.isIdle(1000)).toBe(true)
  })

  it('resources that share the command but have no limit are still retried', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', { ...plain, attempts: 1 }))
    place(protocol, placementOf('b'))
    const verdict = protocol.finish(onlyRun(protocol, 0), false, 0)
    expect(verdict).toMatchObject({ exhausted: ['a'], retryIn: 1000 })
    expect([protocol.isExhausted('a'), protocol.isExhausted('b')]).toEqual([true, false])
  })

  it('content placed meanwhile has no failures yet', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', { ...plain, attempts: 1 }))
    expect(protocol.finish(onlyRun(protocol, 0), false, 0).exhausted).toEqual(['a'])
    place(protocol, placementOf('a', { ...plain, attempts: 1 }), 5)
    expect(protocol.isExhausted('a')).toBe(false)
    const run = onlyRun(protocol, 5)
    protocol.owe('a', reloads({ ...plain, attempts: 1 }, 'reload'), 6)
    expect(protocol.finish(run, false, 10).exhausted).toEqual([])
    expect(protocol.isExhausted('a')).toBe(false)
  })

  it('where there is nothing to go back to, it is retried until it succeeds', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', { ...plain, attempts: 1 }))
    protocol.finish(onlyRun(protocol, 0), false, 0)
    protocol.persist('a', 0)
    expect([protocol.isExhausted('a'), protocol.next]).toEqual([false, 1000])
    const verdict = protocol.finish(onlyRun(protocol, 1000), false, 1000)
    expect(verdict).toMatchObject({ exhausted: [], retryIn: 2000 })
  })

  it('there is no such retry in a onetime run', () => {
    const protocol = protocolOf({ retries: false })
    place(protocol, placementOf('a', { ...plain, attempts: 1 }))
    protocol.finish(onlyRun(protocol, 0), false, 0)
    protocol.persist('a', 0)
    expect([protocol.owes('a'), protocol.isIdle(0)]).toEqual([true, true])
  })
})

describe('pace', () => {
  const paced = (more: Partial<ReloadTerms>): Placement => placementOf('a', { ...plain, ...more })

  it('min_reload_interval delays what comes too early, and runs it once', () => {
    const protocol = protocolOf()
    place(protocol, paced({ minInterval: 10_000 }), 0)
    protocol.finish(onlyRun(protocol, 0), true, 100)
    for (let now = 1000; now <= 5000; now += 1000) {
      place(protocol, paced({ minInterval: 10_000 }), now)
      expect(started(protocol, now)).toEqual([])
    }
    expect([protocol.next, started(protocol, 9999)]).toEqual([10_000, []])
    protocol.finish(onlyRun(protocol, 10_000), true, 10_100)
    expect([started(protocol, 100_000), protocol.next]).toEqual([[], Infinity])
  })

  it('the longest interval of those who owe the run counts', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', { ...plain, minInterval: 10_000 }), 0)
    place(protocol, placementOf('b', { ...plain, minInterval: 3000 }), 0)
    protocol.finish(onlyRun(protocol, 0), true, 0)
    place(protocol, placementOf('b', { ...plain, minInterval: 3000 }), 1000)
    expect(protocol.next).toBe(3000)
    place(protocol, placementOf('a', { ...plain, minInterval: 10_000 }), 2000)
    expect([started(protocol, 9999), told(started(protocol, 10_000))]).toEqual([
      [],
      { reload: ['b', 'a'] },
    ])
  })

  it('a retry waits for the interval as well', () => {
    const protocol = protocolOf()
    place(protocol, paced({ minInterval: 10_000 }), 0)
    expect(protocol.finish(onlyRun(protocol, 0), false, 100).retryIn).toBe(9900)
    expect([started(protocol, 9999), started(protocol, 10_000).length]).toEqual([[], 1])
  })

  it('splay waits a random time up to its limit, and placements meanwhile do not prolong the wait', () => {
    let random = 0.5
    const protocol = new ReloadProtocol(true, () => random)
    place(protocol, paced({ splay: 10_000 }), 0)
    random = 1
    place(protocol, paced({ splay: 10_000 }), 4999)
    expect([protocol.next, started(protocol, 4999)]).toEqual([5000, []])
    expect(started(protocol, 5000)).toHaveLength(1)
  })

  it('a delayed run does not delay the end of reconfd', () => {
    const protocol = protocolOf()
    place(protocol, paced({ minInterval: 10_000 }), 0)
    protocol.finish(onlyRun(protocol, 0), true, 0)
    place(protocol, paced({ minInterval: 10_000 }), 100)
    expect(started(protocol, 100)).toEqual([])
    protocol.close()
    expect([protocol.isIdle(100), protocol.owes('a')]).toEqual([true, true])
  })

  it('a onetime run ignores intervals and splay', () => {
    const protocol = protocolOf({ retries: false })
    place(protocol, paced({ splay: 10_000, minInterval: 10_000 }), 0)
    protocol.finish(onlyRun(protocol, 0), true, 0)
    place(protocol, paced({ splay: 10_000, minInterval: 10_000 }), 1)
    expect(started(protocol, 1)).toHaveLength(1)
  })
})

describe('a run whose outcome judges the files (R4)', () => {
  const admits = (protocol: ReloadProtocol, now: number): readonly Placement[] =>
    protocol.step(now).admitted

  it.each<[string, ReloadTerms]>([
    ['may lead to a rollback', judged],
    ['verifies', { ...plain, verify: [{ command: 'verify', timeout: 5, attempts: 1 }] }],
  ])('keeps placements of its owers waiting where it %s', (_, terms) => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', terms))
    const run = onlyRun(protocol, 0)
    const next = placementOf('a', terms)
    expect(protocol.request(next, 5)).toBe(false)
    expect(admits(protocol, 5)).toEqual([])
    protocol.finish(run, true, 10)
    expect(admits(protocol, 10)).toEqual([next])
  })

  it('also keeps placements waiting that would come to owe the command, judged or not', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', judged))
    const run = onlyRun(protocol, 0)
    const other = placementOf('b')
    expect(protocol.request(other, 5)).toBe(false)
    protocol.finish(run, true, 10)
    expect(admits(protocol, 10)).toEqual([other])
  })

  it('a judged unit is not placed while any run reads it, even one that judges no unit', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    expect([protocol.isRead('a'), protocol.isRead('b')]).toEqual([true, false])
    const unit: Placement = {
      resources: ['a', 'b'],
      owing: new Map([['b', reloads(judged, 'other')]]),
      isJudged: true,
      isChecked: false,
    }
    expect(protocol.request(unit, 5)).toBe(false)
    protocol.finish(run, true, 10)
    expect(protocol.isRead('a')).toBe(false)
    expect(admits(protocol, 10)).toEqual([unit])
  })

  it('files that are checked in their places are not placed while a run could read them', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    const run = onlyRun(protocol, 0)
    const checked = { ...placementOf('b'), isChecked: true }
    expect(protocol.request(checked, 5)).toBe(false)
    protocol.finish(run, true, 10)
    expect(protocol.step(10).admitted).toEqual([checked])
  })

  it('where nothing is judged, placements and runs overlap', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'))
    onlyRun(protocol, 0)
    expect(protocol.request(placementOf('a'), 5)).toBe(true)
  })

  it('the placement that has waited for its end precedes the next run', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', judged))
    const run = onlyRun(protocol, 0)
    const next = placementOf('a', judged)
    protocol.request(next, 5)
    protocol.owe('b', reloads(judged, 'reload'), 6)
    protocol.finish(run, true, 10)
    expect(protocol.step(10)).toEqual({ admitted: [next], started: [] })
    leave(protocol, next, true, 20)
    expect(told(started(protocol, 20))).toEqual({ reload: ['b', 'a'] })
  })

  it('one that has waited for over 10 s goes before every further run that it waits for', () => {
    const protocol = protocolOf()
    for (const command of ['one', 'two']) {
      place(protocol, placementOf(`${command}-user`, judged, command))
    }
    const [one, two] = started(protocol, 0)
    const owing = new Map([['c', reloads(judged, 'one', 'two')]])
    const both: Placement = { resources: ['c'], owing, isJudged: true, isChecked: false }
    expect(protocol.request(both, 0)).toBe(false)
    // The runs of the two commands overlap, so that one of them is always running.
    const owe = (command: string, now: number): void =>
      protocol.owe(`${command}-user`, reloads(judged, command), now)
    owe('one', 1000)
    protocol.finish(one as Run, true, 2000)
    const again = onlyRun(protocol, 2000)
    owe('two', 3000)
    protocol.finish(two as Run, true, 5000)
    const last = onlyRun(protocol, 5000)
    owe('one', 9000)
    protocol.finish(again, true, 10_001)
    expect(protocol.step(10_001)).toEqual({ admitted: [], started: [] })
    expect(protocol.isIdle(10_001)).toBe(false)
    protocol.finish(last, true, 10_002)
    expect(protocol.step(10_002)).toEqual({ admitted: [both], started: [] })
    leave(protocol, both, true, 10_003)
    expect(told(started(protocol, 10_003))).toEqual({ one: ['one-user', 'c'], two: ['c'] })
  })
})

describe('a new configuration', () => {
  const configured = (command: string | undefined): ConfiguredReloads =>
    configuredReloads(resourceOf('a', command === undefined ? {} : { reloadCmd: command }))
  const configure = (
    protocol: ReloadProtocol,
    reload: ConfiguredReloads | undefined,
    now: number,
  ) => protocol.configure(new Map(reload === undefined ? [] : [['a', reload]]), now)
  const failing = (command = 'reload'): ReloadProtocol => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', plain, command))
    protocol.finish(onlyRun(protocol, 0), false, 0)
    return protocol
  }

  it('with the same command changes nothing but its terms', () => {
    const protocol = failing()
    expect(configure(protocol, configured('reload'), 10)).toEqual({ gone: [], settled: [] })
    expect([started(protocol, 999), protocol.next]).toEqual([[], 1000])
    expect(onlyRun(protocol, 1000).terms.timeout).toBe(10_000)
  })

  it('with another command: the new one is owed instead, at once', () => {
    const protocol = failing('typo')
    expect(configure(protocol, configured('right'), 10)).toEqual({ gone: [], settled: [] })
    const run = onlyRun(protocol, 10)
    expect(told([run])).toEqual({ right: ['a'] })
    expect(protocol.finish(run, true, 20).settled).toEqual(['a'])
    expect([started(protocol, 100_000), protocol.next]).toEqual([[], Infinity])
  })

  it('without a command: there is nothing left to run', () => {
    const protocol = failing()
    expect(configure(protocol, configured(undefined), 10)).toEqual({ gone: [], settled: ['a'] })
    expect([protocol.owes('a'), protocol.next]).toEqual([false, Infinity])
  })

  it('without the resource: the reload is no longer retried', () => {
    const protocol = failing()
    expect(configure(protocol, undefined, 10)).toEqual({ gone: ['a'], settled: [] })
    expect([protocol.owes('a'), protocol.next, started(protocol, 100_000)]).toEqual([
      false,
      Infinity,
      [],
    ])
  })

  it('while the previous command runs: that run does not settle the new one', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a', plain, 'old'))
    const old = onlyRun(protocol, 0)
    configure(protocol, configured('new'), 5)
    const fresh = onlyRun(protocol, 5)
    expect(protocol.finish(old, true, 10).settled).toEqual([])
    expect(protocol.owedBy('a')).toEqual(['new'])
    expect(protocol.finish(fresh, true, 20).settled).toEqual(['a'])
  })

  it('a command of for_each that names a file is known by its template', () => {
    const forEach = { forEach: '/sites/*', dest: '/etc/sites/{{ item.name }}.conf' }
    const { all, find } = configuredReloads(
      resourceOf('a', { ...forEach, reloadCmd: 'add {{.dest}}', reloadTimeout: 7 }),
    )
    // Each file has its own command. None of them is in `all`, but `find` recognizes those that the journal names.
    expect(all.size).toBe(0)
    expect(find('add /etc/sites/x.conf')).toMatchObject({ timeout: 7 })
    expect(find('remove /etc/sites/x.conf')).toBeUndefined()
    const protocol = failing('add /etc/sites/x.conf')
    expect(configure(protocol, { all, find, areJudged: false }, 10)).toEqual({
      gone: [],
      settled: [],
    })
    expect(told(started(protocol, 1000))).toEqual({ 'add /etc/sites/x.conf': ['a'] })
  })
})

describe('the reload of a program that reconfd starts', () => {
  it('begins no run while it is suspended; the start settles what was placed before it', () => {
    const protocol = protocolOf()
    protocol.suspend('reload')
    place(protocol, placementOf('a'), 0)
    expect([protocol.next, started(protocol, 100_000)]).toEqual([Infinity, []])
    protocol.demand('reload', 100_000)
    const run = onlyRun(protocol, 100_000)
    place(protocol, placementOf('b'), 100_001)
    expect(protocol.finish(run, true, 100_002).settled).toEqual(['a'])
    // The reload is no longer suspended: runs begin as usual.
    expect(told(started(protocol, 100_002))).toEqual({ reload: ['b'] })
  })

  it('is started at once on demand, even if nothing is owed', () => {
    const protocol = protocolOf()
    protocol.demand('reload', 5)
    const run = onlyRun(protocol, 5)
    expect(run.read.size).toBe(0)
    expect(protocol.finish(run, false, 6)).toMatchObject({ settled: [], retryIn: null })
    expect([protocol.next, protocol.isIdle(7)]).toEqual([Infinity, true])
  })

  it('is not started while a placement of its owers is under way (R2)', () => {
    const protocol = protocolOf()
    const placement = placementOf('a')
    expect(protocol.request(placement, 0)).toBe(true)
    protocol.demand('reload', 1)
    expect(started(protocol, 1)).toEqual([])
    leave(protocol, placement, true, 2)
    expect(told([onlyRun(protocol, 2)])).toEqual({ reload: ['a'] })
  })

  it('is started without regard to its splay and its interval', () => {
    const protocol = protocolOf()
    protocol.suspend('reload')
    place(protocol, placementOf('a', { ...plain, splay: 60_000, minInterval: 60_000 }), 0)
    protocol.demand('reload', 1)
    expect(onlyRun(protocol, 1).read.size).toBe(1)
  })

  it('is retried after a start that failed, unless it is suspended or closed', () => {
    const protocol = protocolOf()
    place(protocol, placementOf('a'), 0)
    protocol.finish(onlyRun(protocol, 0), false, 0)
    protocol.suspend('reload')
    expect(started(protocol, 100_000)).toEqual([])
    protocol.demand('reload', 100_000)
    protocol.close()
    expect([started(protocol, 200_000), protocol.owes('a')]).toEqual([[], true])
  })
})
