// Work that is under way, and detection of work that exceeds its time limit.
import { expect, test } from 'vitest'
import { longestReload } from '../../src/apply/reload.ts'
import { Underway } from '../../src/engine/underway.ts'

const never = new Promise<never>(() => undefined)
const soon = (ms: number): number => performance.now() + ms

test('work may take its allowed time plus the patience, and no longer', () => {
  const underway = new Underway()
  void underway.during({ what: 'the work on web.toml', resources: [], allowed: 60_000 }, never)
  expect(underway.stuck(10_000, soon(69_000))).toBeUndefined()
  expect(underway.stuck(10_000, soon(71_000))).toBe(
    'the work on web.toml has made no progress for 1 min 11 s; its timeouts allow 1 min',
  )
})

test('a sign of life restarts the time of its own work only', async () => {
  const underway = new Underway()
  const work = (name: string) => ({ what: name, resources: [name], allowed: 0 })
  void underway.during(work('silent'), never)
  void underway.during(work('alive'), never)
  const begun = performance.now()
  await new Promise<void>((passed) => {
    const look = (): unknown => (performance.now() > begun + 20 ? passed() : setImmediate(look))
    look()
  })
  underway.heard('alive')
  underway.heard('nobody')
  expect(underway.stuck(10, performance.now())).toContain('silent')
  underway.heard('silent')
  expect(underway.stuck(10_000, performance.now())).toBeUndefined()
})

test('finished work is forgotten, even after a failure', async () => {
  const underway = new Underway()
  const work = { what: 'it', resources: [], allowed: 0 }
  expect(await underway.during(work, Promise.resolve(7))).toBe(7)
  const failed = Promise.reject(new Error('bad'))
  await expect(underway.during(work, failed)).rejects.toThrow('bad')
  expect(underway.stuck(0, soon(1e9))).toBeUndefined()
})

test('a reload may take the time of its verifications, including the time to end each', () => {
  const terms = { timeout: 1000, minInterval: 0, splay: 0, verify: [] }
  const plain = longestReload(terms)
  expect(plain).toBeGreaterThan(6000)
  const verify = { command: 'true', timeout: 1000, attempts: 3 }
  expect(longestReload({ ...terms, verify: [verify] })).toBe(plain + 3 * (plain + 1000))
})
