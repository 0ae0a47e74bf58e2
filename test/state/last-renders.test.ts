// The last applied renders: the newest line of each resource counts, whoever wrote it and whatever was cut.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import { LastRenders, type LastRender } from '../../src/state/last-renders.ts'
import { removeDir, tempDir } from '../support/process.ts'

let dir: string
let state: string
const open: LastRenders[] = []
beforeEach(() => {
  dir = tempDir('last-renders')
  state = join(dir, 'lib/reconfd')
})
afterEach(async () => {
  for (const renders of open.splice(0)) await renders.close()
  removeDir(dir)
})

/** Returns the renders, as a process starting now reads them. */
function opened(keep = true): LastRenders {
  const renders = new LastRenders(state, '/etc/confd', keep)
  open.push(renders)
  return renders
}

/** @param keys the number of keys found for `/out` */
const render = (keys: number): LastRender => ({
  keys: new Map([['/out', new Set(Array.from({ length: keys }, (_, n): Key => `/k/${n}`))]]),
  supplies: new Map([['/', { keys, names: 0 }]]),
})

function path(): string {
  const [name, ...more] = readdirSync(state)
  if (name === undefined || more.length > 0) throw new Error('not one file')
  return join(state, name)
}

it('keeps every resource in one file that only its owner can read', async () => {
  const renders = opened()
  expect(existsSync(state)).toBe(false)
  const held = { ...render(2), held: { hash: 'abc', short: { counts: [1, 2], since: 3 } } }
  await renders.set('a.toml', render(1))
  await renders.set('__proto__', held)
  expect(statSync(path()).mode & 0o777).toBe(0o600)
  expect(opened().get('a.toml')).toEqual(render(1))
  expect(opened().get('__proto__')).toEqual(held)
  expect([opened().has('a.toml'), opened().has('b.toml')]).toEqual([true, false])
})

it('writes nothing without permission', async () => {
  expect(await opened(false).set('a.toml', render(1))).toEqual({ ok: true, value: undefined })
  await opened(false).rewrite()
  expect(existsSync(state)).toBe(false)
})

it('finds the renders of both of two processes', async () => {
  const [one, other] = [opened(), opened()]
  await one.set('a.toml', render(1))
  await other.set('b.toml', render(2))
  await one.set('c.toml', render(3))
  const counts = ['a', 'b', 'c'].map((name) => opened().get(`${name}.toml`)?.keys.get('/out')?.size)
  expect(counts).toEqual([1, 2, 3])
})

it('brings back no render that another process has replaced, even if that process has compacted the file', async () => {
  await opened().set('a.toml', render(1))
  const late = opened()
  await late.set('b.toml', render(1))
  await late.set('a.toml', render(1))
  const other = opened()
  await other.set('a.toml', render(2))
  // Large enough for a compaction.
  await other.set('c.toml', render(10_000))
  await late.set('b.toml', render(3))
  expect(opened().get('a.toml')).toEqual(render(2))
  expect(opened().get('b.toml')).toEqual(render(3))
})

it('writes all renders again if the file was removed', async () => {
  const renders = opened()
  await renders.set('a.toml', render(1))
  rmSync(state, { recursive: true })
  await renders.set('b.toml', render(2))
  expect([opened().get('a.toml'), opened().get('b.toml')]).toEqual([render(1), render(2)])
  const reader = opened()
  rmSync(state, { recursive: true })
  await reader.rewrite()
  expect([opened().get('a.toml'), opened().get('b.toml')]).toEqual([render(1), render(2)])
})

it('writes a render that could not be written with the next one', async () => {
  mkdirSync(join(dir, 'lib'))
  writeFileSync(state, '')
  const renders = opened()
  expect(await renders.set('a.toml', render(1))).toMatchObject({
    ok: false,
    error: { hint: 'set -state-dir to a directory that reconfd can write to' },
  })
  rmSync(state)
  expect(await renders.set('b.toml', render(2))).toMatchObject({ ok: true })
  expect([opened().get('a.toml'), opened().get('b.toml')]).toEqual([render(1), render(2)])
})

it('stays small, whatever was written', async () => {
  const renders = opened()
  await renders.set('rare.toml', render(1))
  for (let n = 0; n < 200; n++) await renders.set('often.toml', render(100 + n))
  expect(statSync(path()).size).toBeLessThan(3 * 64 * 1024)
  expect(opened().get('rare.toml')).toEqual(render(1))
  expect(opened().get('often.toml')).toEqual(render(299))
})

it.each<[string, (path: string) => void]>([
  ['a line that is cut', (path) => truncateSync(path, statSync(path).size - 20)],
  ['a line that is no JSON', (path) => appendFileSync(path, '\0\0\0\n')],
  ['a line of another shape', (path) => appendFileSync(path, '{"resource":"a.toml","keys":5}\n')],
  ['a resource that is no text', (path) => appendFileSync(path, '{"resource":5,"keys":{}}\n')],
])('%s: the other lines count, and any resource may have had a line', async (_, damage) => {
  await opened().set('a.toml', render(1))
  await opened().set('b.toml', render(2))
  damage(path())
  const renders = opened()
  expect(renders.get('a.toml')).toEqual(render(1))
  expect(renders.has('never.toml')).toBe(true)
  // The next write drops the line.
  await renders.set('b.toml', render(3))
  expect([opened().get('b.toml'), opened().has('never.toml')]).toEqual([render(3), false])
})

it.each<[string, string]>([
  ['an empty file', ''],
  ['a file that starts with zeros', '\0'.repeat(100)],
])('%s is damaged, and is written anew', async (_, text) => {
  await opened().set('a.toml', render(1))
  writeFileSync(path(), text)
  expect([opened().get('a.toml'), opened().has('a.toml')]).toEqual([undefined, true])
  await opened().set('a.toml', render(2))
  expect([opened().get('a.toml'), opened().has('b.toml')]).toEqual([render(2), false])
  expect(readFileSync(path(), 'utf8').trimStart()).toMatch(/^\{"renders":1\}\n/)
})

it('agrees with a plain map after any operations of several processes', async () => {
  // 10,000 keys make a file so large that it is compacted.
  const keys = fc.oneof(
    { weight: 9, arbitrary: fc.nat(3) },
    { weight: 1, arbitrary: fc.constant(10_000) },
  )
  const names = fc.constantFrom('a', 'b', '__proto__')
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.nat(2), names, keys) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
    { weight: 1, arbitrary: fc.constant('cut' as const) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      rmSync(state, { recursive: true, force: true })
      let processes = [opened(), opened(), opened()]
      const expected = new Map<string, LastRender>()
      for (const one of operations) {
        if (one === 'restart') processes = [opened(), opened(), opened()]
        else if (one === 'cut') {
          // A process that is killed while it writes leaves a part of a line.
          if (existsSync(state)) appendFileSync(path(), '{"resource":"a","keys":{"/out":[')
        } else {
          const [process, resource, keys] = one
          await processes[process]?.set(resource, render(keys))
          expected.set(resource, render(keys))
        }
      }
      for (const name of ['a', 'b', '__proto__']) {
        expect(opened().get(name)).toEqual(expected.get(name))
      }
      for (const renders of open.splice(0)) await renders.close()
    }),
    { numRuns: 50 },
  )
})
