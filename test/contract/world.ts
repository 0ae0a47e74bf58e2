// A store under test, and a function that watches it.
import type { Key } from '../../src/core/key.ts'
import type { Settings } from '../../src/core/settings.ts'
import type { StoreClient } from '../support/clients.ts'
import { Watched } from '../support/watched.ts'

/** A store under test, with a client that writes to it. */
export interface World {
  readonly settings: Settings
  readonly client: Pick<StoreClient, 'putAll' | 'close'> & Partial<StoreClient>
  /** Makes the store unreachable without warning, as SIGKILL does. */
  down?(): Promise<void>
  /** Makes the store reachable again, with the same keys. */
  up?(): Promise<void>
  stop(): Promise<void>
}

let prefixes = 0
/** Returns a separate prefix for each test. Stores such as env allow only lower case and no dashes. */
export const newPrefix = (): Key => `/t${process.pid}x${++prefixes}`

/** Opens the store, runs `use`, and closes it even when `use` throws. */
export async function watching(
  world: Pick<World, 'settings'>,
  watched: readonly Key[],
  use: (watched: Watched) => Promise<void>,
): Promise<void> {
  const opened = await Watched.open(world.settings, watched)
  try {
    await use(opened)
  } finally {
    await opened.close()
  }
}
