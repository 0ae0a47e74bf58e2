// What is due and has not been begun is no progress. A timer that does not fire is what it takes.
import { afterEach, expect, test, vi } from 'vitest'
import { emptyTree } from '../../src/core/tree.ts'
import { plainReload, type Resource } from '../../src/core/resource.ts'
import type { Event } from '../../src/core/event.ts'
import { Underway } from '../../src/engine/underway.ts'
import { createRenderer } from '../../src/templates/render.ts'
import { Worker, type WorkerOptions } from '../../src/engine/worker.ts'
import { until } from '../support/until.ts'

afterEach(() => void vi.restoreAllMocks())

const resource: Resource = {
  name: 'web.toml',
  file: '/nonexistent/conf.d/web.toml',
  templates: [
    {
      ...{ src: '/nonexistent/templates/web', dest: '/nonexistent/web', prefix: '/', keys: ['/'] },
      ...{ trimBlocks: true, lstripBlocks: true, checkTimeout: 0, reloadTimeout: 0 },
      ...{ followSymlinks: true, mkdirs: false, line: 1 },
    },
  ],
  holdDown: 0,
  reload: plainReload,
}

test('a retry that is due and that nobody begins', async () => {
  const events: Event[] = []
  const options: Partial<WorkerOptions> = {
    resources: [resource],
    feeds: {
      tree: emptyTree,
      isRead: () => true,
      nameOf: () => 'file',
      wanted: undefined,
      want: () => undefined,
    },
    pace: { quiet: 0, max: 0 },
    former: undefined,
    retry: true,
    renderer: createRenderer('/nonexistent/templates'),
    emit: (event) => events.push(event),
    underway: new Underway(),
    dependsOn: () => undefined,
    crashed: (error) => {
      throw error
    },
  }
  const desk = { hold: () => undefined, release: () => undefined }
  // Its template is not there, so that it comes no further than to the render.
  const worker = new Worker({ ...options, desk } as unknown as WorkerOptions)
  worker.all()
  await until('it has failed', () => events.some(({ kind }) => kind === 'failed'))
  expect(worker.stuck(5000)).toBeUndefined()
  // The clock goes on, and no timer fires.
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 8000)
  expect(worker.stuck(5000)).toMatch(/^what is due for \d s has not been begun$/)
  expect(worker.stuck(10_000)).toBeUndefined()
  await worker.stop()
  expect(worker.stuck(5000)).toBeUndefined()
})
