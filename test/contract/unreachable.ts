// The contract for dead and frozen nodes. A dead node beside a healthy one must cause no long delay, however it fails
// and wherever it is listed. If all nodes are dead, the message must say how each of them failed.
import { expect, onTestFinished, test } from 'vitest'
import { deadNodes } from '../support/dead-nodes.ts'
import { within } from '../support/until.ts'
import { Watched } from '../support/watched.ts'
import { newPrefix, type World } from './world.ts'

/** Deadline for the first snapshot, in milliseconds. Shorter than the 10 s after which stores abandon a request. */
const SOON = 8000

const ways = Object.keys(deadNodes) as (keyof typeof deadNodes)[]

async function dead(way: keyof typeof deadNodes): Promise<string> {
  const dead = await deadNodes[way]()
  onTestFinished(() => dead.close())
  return dead.node
}

export function unreachable(world: () => Pick<World, 'settings'>): void {
  const open = async (nodes: readonly string[]): Promise<Watched> => {
    const { settings } = world()
    const connection = { ...settings.connection, nodes }
    const watched = await Watched.open({ ...settings, connection }, [newPrefix()])
    onTestFinished(() => watched.close())
    return watched
  }
  const good = (): string => world().settings.connection.nodes[0] as string

  test.each(ways)('a node that %s, listed before a healthy one', async (way) => {
    const watched = await open([await dead(way), good()])
    await within('the first snapshot', watched.live(), SOON)
    expect(watched.faults).toEqual([])
  })

  test.each(ways)('a node that %s, listed after a healthy one', async (way) => {
    const watched = await open([good(), await dead(way)])
    await within('the first snapshot', watched.live(), SOON)
    expect(watched.faults).toEqual([])
  })

  test('if all nodes are dead, the message names each node and how it failed', async () => {
    const silent = await dead('takes connections and stays silent')
    const refusing = await dead('refuses connections')
    const watched = await open([silent, refusing])
    await watched.broken()
    const { message } = watched.faults[0] ?? { message: '' }
    // The timeout of ZooKeeper's handshake may expire first.
    expect(message).toMatch(
      new RegExp(`at ${silent}(?: has not answered|: no session within .* m?s); `),
    )
    expect(message).toMatch(new RegExp(`${refusing}: connection refused$`))
  })
}
