// The contract for lying servers, which send invalid answers. Every invalid answer, whether it is the first or a
// later one, must cause a fault that says what is wrong and where. Such an answer must not change a key, and the
// client must read it only up to a limit. The client must retry and recover once the server answers correctly.
import { describe, expect, test, type TestContext } from 'vitest'
import { formatFault } from '../../src/core/fault.ts'
import type { Key } from '../../src/core/key.ts'
import { SECRET, type LyingServer, type Place, type Protocol } from '../support/lying/protocol.ts'
import { until } from '../support/until.ts'
import { Watched } from '../support/watched.ts'

/**
 * Upper limit for the bytes that a server with endless answers may send, retries included. This allows for the
 * client's own limits and for the kernel's buffers.
 */
const MOST_SENT = 64 * 2 ** 20

export function lying<L>(protocol: Protocol<L>): void {
  describe(`lies: ${protocol.name}`, () => {
    const places = ['answers', 'messages'] as const
    const lies = places.flatMap((place) =>
      Object.entries<L>(protocol[place] ?? {}).map(([name, lie]) => ({ name, place, lie })),
    )

    test('there are many', () => {
      expect(lies.length).toBeGreaterThanOrEqual(30)
    })

    // Concurrent, since these tests mostly wait for the next retry.
    test.concurrent.for(lies)('first, in $place: $name', async ({ place, lie }, context) => {
      const server = await start(protocol, context)
      server.lie(lie, place)
      const watched = await open(protocol, server, context)
      // Waits for the second failure, which shows that the store has retried.
      await watched.broken(1)
      // If only the messages about changes are invalid, the first snapshot is correct.
      if (place === 'answers') expect(watched.kinds).not.toContain('snapshot')
      judge(watched, server)
      await recovers(watched, server)
    })

    test.concurrent.for(lies)('later, in $place: $name', async ({ place, lie }, context) => {
      const server = await start(protocol, context)
      const watched = await open(protocol, server, context)
      await watched.live()
      await shows(watched, server.change())
      const before = [...watched.tree.under('/')]
      tell(server, lie, place)
      await watched.broken(watched.faults.length)
      expect([...watched.tree.under('/')]).toEqual(before)
      judge(watched, server)
      await recovers(watched, server)
    })
  })
}

async function start<L>(
  protocol: Protocol<L>,
  { onTestFinished }: TestContext,
): Promise<LyingServer<L>> {
  const server = await protocol.start()
  onTestFinished(() => server.close())
  return server
}

async function open<L>(
  protocol: Protocol<L>,
  { node }: LyingServer<L>,
  { onTestFinished }: TestContext,
): Promise<Watched> {
  const watched = await Watched.open(protocol.settings(node), [protocol.prefix])
  onTestFinished(() => watched.close())
  return watched
}

const tell = <L>(server: LyingServer<L>, lie: L, place: Place): void => server.lie(lie, place)

/** Checks the faults and the number of bytes sent so far. */
function judge<L>(watched: Watched, { node, sent }: LyingServer<L>): void {
  expect(watched.bugs).toEqual([])
  for (const fault of watched.faults) {
    expect(fault.kind).toBe('store')
    expect(formatFault(fault)).toContain(node)
    expect(JSON.stringify(fault)).not.toContain(SECRET)
  }
  expect(sent).toBeLessThan(MOST_SENT)
}

async function recovers<L>(watched: Watched, server: LyingServer<L>): Promise<void> {
  server.repent()
  await until(
    'the store is read again',
    () => watched.tree.size > 0 && watched.kinds.at(-1) !== 'broken',
  )
  await shows(watched, server.change())
}

const shows = (watched: Watched, { key, holds }: { key: Key; holds: string }): Promise<unknown> =>
  until(`${key} as it is`, () => watched.tree.get(key)?.includes(holds) === true)
