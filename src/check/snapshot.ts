// `reconfd snapshot`: saves all keys that the resources may read, from all stores, to a file for -replay and the
// file store, so that CI can test templates without a store.
import type { SnapshotCommand } from '../config/command.ts'
import { loadResources } from '../config/resources.ts'
import { ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { counted } from '../core/words.ts'
import { Feeds } from '../feeds/feeds.ts'
import { writeOutput } from '../system/output-file.ts'
import { openerOf, wantedStores } from '../feeds/wanted-stores.ts'

export interface SnapshotResult {
  /** For standard output. */
  readonly text: string
  readonly faults: readonly Fault[]
  readonly exit: 0 | 1 | 69 | 78
}

/**
 * Produces a JSON object with sorted keys; keys of a named store begin with the store's name. The file has mode
 * 0600, because values may be secret. Fails unless all stores can be read.
 */
export async function snapshot({ settings, out }: SnapshotCommand): Promise<SnapshotResult> {
  const loaded = await loadResources(settings)
  if (!loaded.ok) return { text: '', faults: loaded.error, exit: 78 }
  const { resources, stores } = loaded.value
  const wanted = await wantedStores(settings, stores, resources)
  const opened = await Feeds.open(wanted, [], undefined, {
    open: openerOf(wanted),
    emit: () => undefined,
    once: true,
    whole: true,
  })
  if (!opened.ok) return { text: '', faults: opened.error, exit: 78 }
  const feeds = opened.value
  feeds.start()
  const faults = await feeds.firstReads(settings.timeout, new Promise(() => undefined))
  await feeds.close()
  if (faults.length > 0) return { text: '', faults, exit: 69 }
  const text = `${JSON.stringify(Object.fromEntries(feeds.tree.under('/')), null, 2)}\n`
  if (out === undefined) return { text, faults: [], exit: 0 }
  try {
    await writeOutput(out, text)
    return {
      text: `${counted(feeds.tree.size, 'key')} in ${out}\n`,
      faults: [],
      exit: 0,
    }
  } catch (error) {
    return { text: '', faults: [ioFault(`cannot write ${out}`, error)], exit: 1 }
  }
}
