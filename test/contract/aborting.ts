// The contract for aborting a watch: an abort at any time must end the watch and leave no handle open.
import { setTimeout as delay } from 'node:timers/promises'
import { test } from 'vitest'
import type { Key } from '../../src/core/key.ts'
import { activeHandles, handlesBeyond } from '../support/handles.ts'
import { until } from '../support/until.ts'
import { storeOf } from '../support/watched.ts'
import type { World } from './world.ts'

/** @param prepare writes a key into the store and returns a prefix of that key */
export function aborting(
  world: () => Pick<World, 'settings'> & { readonly client: Pick<World['client'], 'close'> },
  prepare: () => Promise<Key>,
): void {
  test.each([
    ['at once', 0],
    ['while it connects', 1],
    ['while it reads', 4],
    ['after the snapshot', undefined],
  ])('leaves no handle open when aborted %s', async (_, after) => {
    const prefix = await prepare()
    world().client.close()
    await until('the helpers have let go', () => !activeHandles().has('TCPSocketWrap'))
    const store = await storeOf(world().settings)
    const before = activeHandles()

    const abort = new AbortController()
    const events = store.watch(store.nodes[0] as string, [prefix], abort.signal)
    let live = false
    const ended = (async () => {
      for await (const event of events) live ||= event.kind === 'snapshot'
    })()
    if (after === undefined) await until('the snapshot', () => live)
    else if (after > 0) await delay(after)
    abort.abort()
    await ended
    await until('no handle is left', () => handlesBeyond(before).length === 0).catch(
      (error: unknown) => {
        throw new Error(`left behind: ${handlesBeyond(before).join(', ')}`, { cause: error })
      },
    )
  })
}
