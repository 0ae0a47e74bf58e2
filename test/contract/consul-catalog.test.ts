// Runs the contract against Consul's catalog. The catalog contains registered services, so tests cannot write keys to
// it. This file therefore repeats the tests of changing.ts and surviving.ts with services. `a:7` stands for an
// instance `a` with port 7.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isEntry, type Key } from '../../src/core/key.ts'
import type { Settings } from '../../src/core/settings.ts'
import { startAgent, type Agent } from '../support/consul-agents.ts'
import { settingsFor } from '../support/settings.ts'
import { until } from '../support/until.ts'
import { Watched } from '../support/watched.ts'
import { aborting } from './aborting.ts'
import { unreachable } from './unreachable.ts'
import { watching } from './world.ts'

describe('contract: consul-catalog', () => {
  let agent: Agent
  let settings: Settings
  let names = 0
  const newName = (): string => `web${++names}`

  beforeAll(async () => {
    agent = await startAgent()
    settings = settingsFor({
      backend: 'consul-catalog',
      connection: { nodes: [agent.server.node], scheme: 'http' },
    })
  })
  afterAll(() => agent.server.stop())

  const dir = (name: string): Key => `/services/${name}`
  const register = (name: string, id: string, port: number): Promise<void> =>
    agent.register({ Name: name, ID: `${name}-${id}`, Port: port })

  /** Waits until the instances of a service are exactly these. */
  async function converges(watched: Watched, name: string, ...wanted: string[]): Promise<void> {
    const seen = (): string[] =>
      [...watched.tree.under(dir(name))].flatMap(([key, value]) => {
        if (isEntry(key)) return []
        const { port } = JSON.parse(value) as { port: number }
        return `${key.slice(key.indexOf(`${name}-`) + name.length + 1)}:${port}`
      })
    await until(`${wanted.join(', ')} in ${name}`, () => seen().join() === wanted.join())
  }

  aborting(
    () => ({ settings, client: agent.server.client }),
    async () => {
      const name = newName()
      await register(name, 'a', 1)
      return dir(name)
    },
  )

  unreachable(() => ({ settings }))

  test('an empty catalog gives an empty snapshot first', async () => {
    await watching({ settings }, [dir(newName())], async (watched) => {
      await watched.live()
      expect(watched.kinds[0]).toBe('snapshot')
      expect(watched.tree.size).toBe(0)
    })
  })

  // Each round registers a different number of services before it opens the watch, and more while the watch opens.
  test('services registered while connecting are not lost', async () => {
    for (let before = 0; before < 10; before++) {
      const name = newName()
      const ports = new Map<string, number>()
      let opened: Promise<Watched> | undefined
      for (let n = 0; n < 10; n++) {
        if (n === before) opened = Watched.open(settings, [dir(name)])
        const id = `i${n % 4}`
        if (n % 5 === 4 && ports.delete(id)) {
          await agent.deregister(`${name}-${id}`)
        } else {
          ports.set(id, n + 1)
          await register(name, id, n + 1)
        }
      }
      const watched = await (opened as Promise<Watched>)
      try {
        await converges(watched, name, ...[...ports].map(([id, port]) => `${id}:${port}`).sort())
        expect(watched.faults).toEqual([])
      } finally {
        await watched.close()
      }
    }
  })

  test('a burst of registrations converges', async () => {
    const name = newName()
    await watching({ settings }, ['/services'], async (watched) => {
      await watched.live()
      for (let n = 1; n <= 100; n++) await register(name, `i${n % 5}`, n)
      await converges(watched, name, 'i0:100', 'i1:96', 'i2:97', 'i3:98', 'i4:99')
      expect(watched.faults).toEqual([])
    })
  })

  test('survives a kill and restart of the agent', async () => {
    const name = newName()
    await register(name, 'a', 1)
    await watching({ settings }, [dir(name)], async (watched) => {
      await converges(watched, name, 'a:1')
      await agent.server.kill()
      await watched.broken()
      // The keys of an unreachable store must stay unchanged.
      await converges(watched, name, 'a:1')
      await agent.server.start()
      await register(name, 'b', 2)
      await agent.deregister(`${name}-a`)
      await converges(watched, name, 'b:2')
      await register(name, 'c', 3)
      await converges(watched, name, 'b:2', 'c:3')
    })
  })

  test('waits for an agent that is not running yet', async () => {
    const name = newName()
    await agent.server.kill()
    await watching({ settings }, [dir(name)], async (watched) => {
      await watched.broken(2)
      await agent.server.start()
      await register(name, 'a', 1)
      await converges(watched, name, 'a:1')
    })
  })

  test('an emptied catalog, whose index restarts, is accepted', async () => {
    const name = newName()
    for (let n = 1; n <= 20; n++) await register(name, 'a', n)
    await watching({ settings }, ['/services'], async (watched) => {
      await converges(watched, name, 'a:20')
      await agent.server.restartEmpty()
      await register(name, 'b', 1)
      await converges(watched, name, 'b:1')
      await register(name, 'b', 2)
      await converges(watched, name, 'b:2')
    })
  })
})
