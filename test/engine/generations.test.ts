// A new generation must be reported before any work on it begins, because listeners drop events about resources that
// they do not know yet.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { ok } from '../../src/core/result.ts'
import type { Configuration } from '../../src/engine/current.ts'
import { Generations } from '../../src/engine/generations.ts'
import { Program } from '../../src/engine/program.ts'
import { Underway } from '../../src/engine/underway.ts'
import { Worker } from '../../src/engine/worker.ts'
import { systemClock } from '../../src/system/clock.ts'
import { folderOf } from '../config/folder.ts'
import { settingsFor } from '../config/load.ts'
import { until } from '../support/until.ts'
import { noopParts } from './support.ts'

let close: () => Promise<void>
afterEach(() => close())

test('a start and a new configuration are reported before the worker adopts them', async () => {
  const resource = (name: string): string =>
    `[template]\nsrc = "a.njk"\ndest = "/nonexistent/${name}"\nkeys = ["/${name}"]\n`
  const confdir = await folderOf({ 'templates/a.njk': 'a', 'conf.d/a.toml': resource('a') })
  const keys = join(confdir, 'keys.yaml')
  writeFileSync(keys, 'a: 1\nb: 1\n')
  const settings = await settingsFor(confdir, ['-watch', '-noop', '-file', keys])

  const order: string[] = []
  const emit = ({ kind }: { readonly kind: string }): void => void order.push(kind)
  const crashed = (error: unknown): void => void order.push(`crashed: ${String(error)}`)
  class Adopting extends Worker {
    override adopt(configuration: Configuration): void {
      order.push(`adopt ${configuration.resources.length}`)
      super.adopt(configuration)
    }
  }
  const underway = new Underway()
  const worker = new Adopting(noopParts(systemClock, emit), underway, true, crashed)
  const generations = new Generations(
    worker,
    underway,
    emit,
    false,
    async () => ok(settings),
    crashed,
    new Program(emit, false),
  )
  close = async () => {
    await generations.stop()
    await worker.stop()
    await generations.close()
  }
  await generations.begin(settings, async () => void order.push('start-up'))
  writeFileSync(join(confdir, 'conf.d/b.toml'), resource('b'))
  generations.renew('SIGHUP')
  await until('the second one', () => order.includes('adopt 2'))

  const steps = ['start-up', 'started', 'adopt 1', 'generation-loaded', 'adopt 2']
  expect(order.filter((step) => steps.includes(step) || step.startsWith('crashed'))).toEqual(steps)
})
