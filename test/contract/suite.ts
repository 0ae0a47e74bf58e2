// The contract of all stores, written once and run against the real server of each store. A store that lacks an
// ability lists it in `lacks`, with the reason. No test is skipped silently.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { aborting } from './aborting.ts'
import { changing, expiring } from './changing.ts'
import { bytes, reading } from './reading.ts'
import { surviving } from './surviving.ts'
import { unreachable } from './unreachable.ts'
import { newPrefix, type World } from './world.ts'

/**
 * `bytes`: values need not be UTF-8. `change`: keys change during a watch. `ttl`: keys expire. `outage`: the store can
 * become unreachable. `nodes`: the store is reached through nodes. (lying.test.ts covers lying servers.)
 */
type Ability = 'bytes' | 'change' | 'ttl' | 'outage' | 'nodes'

export interface Contract {
  readonly name: string
  readonly start: () => Promise<World>
  /** The abilities that the store lacks by its nature, each with the reason. */
  readonly lacks?: Partial<Record<Ability, string>>
}

/** Runs the whole suite. `more` adds tests that are specific to the store, on the same server. */
export function contract(
  spec: Contract,
  more: (world: () => World) => void = () => undefined,
): void {
  describe(`contract: ${spec.name}`, () => {
    let world: World
    beforeAll(async () => {
      world = await spec.start()
    })
    afterAll(async () => {
      await world.stop()
    })
    const get = (): World => world
    reading(get)
    if (spec.lacks?.bytes === undefined) bytes(get)
    else test.skip(`deviates, no bytes: ${spec.lacks.bytes}`)
    aborting(get, async () => {
      const prefix = newPrefix()
      await world.client.putAll(new Map([[`${prefix}/a`, '1']]))
      return prefix
    })
    if (!lacks('change', () => 'put' in world.client)) changing(get)
    if (!lacks('ttl', () => 'putWithTtl' in world.client)) expiring(get)
    if (!lacks('outage', () => 'down' in world)) surviving(get)
    if (!lacks('nodes', () => world.settings.connection.nodes.length > 0)) unreachable(get)
    more(get)

    /**
     * Returns true if the store declares that it lacks the ability. If so, also adds a test that confirms the lack.
     */
    function lacks(ability: Ability, hasMeans: () => boolean): boolean {
      const reason = spec.lacks?.[ability]
      if (reason === undefined) return false
      test(`deviates, no ${ability}: ${reason}`, () => {
        expect(hasMeans()).toBe(false)
      })
      return true
    }
  })
}
