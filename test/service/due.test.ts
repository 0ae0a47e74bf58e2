// Due work that is not started counts as a lack of progress. In this test, it is not started because a timer does not
// fire.
import { expect, test } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { emptyTree } from '../../src/core/tree.ts'
import { Underway } from '../../src/engine/underway.ts'
import { Worker } from '../../src/engine/worker.ts'
import { createRenderer } from '../../src/templates/render.ts'
import { noopParts, resourceOf, TestClock } from '../engine/support.ts'
import { until } from '../support/until.ts'

test('a due retry that does not begin', async () => {
  const events: Event[] = []
  const clock = new TestClock()
  const parts = noopParts(clock, (event) => events.push(event))
  const worker = new Worker(parts, new Underway(), true, (error) => {
    throw error
  })
  // The template of this resource is missing, so its cycles fail at the render step.
  worker.adopt({
    resources: [resourceOf('web.toml')],
    feeds: {
      tree: emptyTree,
      isRead: () => true,
      isMissed: () => false,
      nameOf: () => 'file',
      took: () => undefined,
    },
    renderer: createRenderer('/nonexistent/templates'),
    pace: { quiet: 0, max: 0 },
    dependsOn: () => undefined,
  })
  const failures = (): number => events.filter(({ kind }) => kind === 'failed').length
  await until('it has failed', () => failures() === 1)
  expect(worker.stuck(5000)).toBeUndefined()
  // The clock advances, but no timer fires.
  clock.jump(8000)
  expect(worker.stuck(5000)).toMatch(/^work that has been due for [\d.]+ s has not been started$/)
  expect(worker.stuck(10_000)).toBeUndefined()
  // The timer fires late.
  clock.advance(0)
  await until('it was tried again', () => failures() === 2)
  expect(worker.stuck(5000)).toBeUndefined()
  clock.jump(100_000)
  expect(worker.stuck(5000)).toBeDefined()
  await worker.stop()
  expect(worker.stuck(5000)).toBeUndefined()
})
