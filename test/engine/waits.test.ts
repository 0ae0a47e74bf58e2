// Units whose templates look up parts of a store that are not known yet. The tests cover when a wait ends, and that
// an endless wait causes a fault.
import { rmSync } from 'node:fs'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import type { Key } from '../../src/core/key.ts'
import { treeOf, type Tree } from '../../src/core/tree.ts'
import { Underway } from '../../src/engine/underway.ts'
import { Worker } from '../../src/engine/worker.ts'
import { until } from '../support/until.ts'
import { Workshop } from '../templates/helper.ts'
import { noopParts, resourceOf, TestClock } from './support.ts'

const workshop = new Workshop()
afterAll(() => rmSync(workshop.folder, { recursive: true }))

let events: Event[]
let tree: Tree
let worker: Worker
let made = 0

beforeEach(() => {
  events = []
  tree = knowing({})
  const parts = noopParts(new TestClock(), (event) => events.push(event))
  worker = new Worker(parts, new Underway(), true, (error) => {
    throw error
  })
})
afterEach(() => worker.stop())

/** Returns the tree of an on-demand store in which only these keys are known. */
function knowing(keys: Readonly<Record<Key, string>>): Tree {
  const entries = new Map(Object.entries(keys) as [Key, string][])
  const known = { trees: new Set(entries.keys()), names: new Set<Key>() }
  return treeOf(entries).knowing(new Map([['/', known]]))
}

function adopt(...templates: string[]): void {
  const resources = templates.map((text, n) => {
    const file = `t${made++}.njk`
    workshop.write(file, text)
    return resourceOf(`r${n}`, workshop.spec(file, { dest: `/nonexistent/${n}` }))
  })
  worker.adopt({
    resources,
    feeds: {
      get tree() {
        return tree
      },
      isRead: () => true,
      isMissed: () => false,
      nameOf: () => 'consul',
      took: () => undefined,
    },
    renderer: workshop.renderer,
    pace: { quiet: 0, max: 0 },
    dependsOn: () => undefined,
  })
}

/** Makes more keys known. The keys known so far do not change. */
function learn(keys: Readonly<Record<Key, string>>): void {
  const before = tree
  tree = knowing({ ...(Object.fromEntries(before.under('/')) as Record<Key, string>), ...keys })
  worker.keysChanged('consul', new Map(), before)
}

const count = (kind: Event['kind']): number => events.filter((event) => event.kind === kind).length
const comes = (kind: Event['kind'], times: number): Promise<unknown> =>
  until(`${kind}, ${times} times`, () => count(kind) >= times, { every: 1 })

test('a wait ends when everything missing is known, and the unit is rendered once', async () => {
  adopt('{{ exists("/a") }}{{ exists("/b") }}', '{{ exists("/c") }}')
  await comes('awaits', 2)
  await worker.idle()
  expect(events.find(({ kind }) => kind === 'awaits')).toMatchObject({ store: 'consul', more: 0 })
  const renders = count('rendered')
  learn({ '/a': '1' })
  await worker.idle()
  expect([count('rendered'), worker.isWaiting]).toEqual([renders, true])
  learn({ '/b': '2' })
  learn({ '/z': '3' })
  await worker.idle()
  expect([count('rendered'), count('awaits')]).toEqual([renders + 1, 2])
  expect([worker.isWaiting, [...worker.changed]]).toEqual([true, ['r0']])
  learn({ '/c': '3' })
  await worker.idle()
  expect([worker.isWaiting, [...worker.changed]]).toEqual([false, ['r0', 'r1']])
  expect(count('failed')).toBe(0)
})

const FOLLOW =
  '{% macro follow(key) %}{% if exists(key) %}{{ follow(getv(key)) }}{% endif %}{% endmacro %}{{ follow("/0") }}'

test('endless waits, each for another part, are a fault', async () => {
  adopt(FOLLOW)
  let waits = 0
  for (; count('failed') === 0 && waits < 200; waits++) {
    await until('it waits or has failed', () => count('awaits') > waits || count('failed') > 0, {
      every: 1,
    })
    await worker.idle()
    learn({ [`/${waits}`]: `/${waits + 1}` })
  }
  expect(waits).toBeGreaterThanOrEqual(100)
  expect(events.find(({ kind }) => kind === 'failed')).toMatchObject({
    resource: 'r0',
    at: 'render',
    fault: { message: expect.stringMatching(/^each render looks up other keys/) as string },
  })
  expect([worker.isWaiting, [...worker.failed]]).toEqual([false, ['r0']])
})

test('a long wait for one part is not a fault, even with many renders meanwhile', async () => {
  adopt(FOLLOW)
  for (let n = 1; n <= 150; n++) {
    await comes('awaits', n)
    await worker.idle()
    worker.all()
  }
  await worker.idle()
  expect([count('failed'), worker.isWaiting]).toEqual([0, true])
})
