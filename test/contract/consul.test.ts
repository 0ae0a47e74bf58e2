// Runs the contract against a real Consul. Adds tests that are specific to Consul.
import { expect, test } from 'vitest'
import { forAll } from '../support/http.ts'
import { startConsul, type ConsulServer } from '../support/servers.ts'
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'
import { newPrefix, watching } from './world.ts'

let consul: ConsulServer

contract(
  {
    name: 'consul',
    async start() {
      consul = await startConsul()
      return {
        settings: settingsFor({
          backend: 'consul',
          connection: { nodes: [consul.node], scheme: 'http' },
        }),
        client: consul.client,
        down: () => consul.kill(),
        up: () => consul.start(),
        stop: () => consul.stop(),
      }
    },
  },
  (world) => {
    test('survives an index that goes back', async () => {
      const prefix = newPrefix()
      // Raises the index, so that the index is much lower after the agent has restarted empty.
      await forAll(
        Array.from({ length: 200 }, (_, n) => n),
        (n) => consul.client.put('/foreign', String(n)),
      )
      await consul.client.put(`${prefix}/a`, 'old')
      await watching(world(), [prefix], async (watched) => {
        await watched.converges(new Map([[`${prefix}/a`, 'old']]))
        await consul.restartEmpty()
        await consul.client.put(`${prefix}/b`, 'new')
        await watched.converges(new Map([[`${prefix}/b`, 'new']]))
        await consul.client.put(`${prefix}/b`, 'live')
        await watched.converges(new Map([[`${prefix}/b`, 'live']]))
      })
    })

    test('writes outside of the prefix cause no events', async () => {
      const prefix = newPrefix()
      await consul.client.put(`${prefix}/a`, '1')
      await watching(world(), [prefix], async (watched) => {
        await watched.live()
        for (let n = 0; n < 50; n++) await consul.client.put('/foreign', String(n))
        await consul.client.put(`${prefix}/a`, '2')
        await watched.converges(new Map([[`${prefix}/a`, '2']]))
        expect(watched.kinds.length).toBe(2)
      })
    })
  },
)
