// A randomized run with `[template.haproxy]`. Servers are added, changed and removed. Meanwhile HAProxy is reloaded,
// restarted, killed and suspended, its servers are changed by hand, and reconfd is stopped and killed. After each
// round, HAProxy must have exactly the servers that the file lists.
//
// The default is a short run on one release of HAProxy. `npm run soak -- haproxy` and RECONFD_LONG=1 cover all
// releases, and the former also sets the duration.
import { afterEach, test } from 'vitest'
import { Scene } from '../haproxy/scene.ts'
import { ABLE } from '../haproxy/support.ts'
import { freePorts } from '../support/servers.ts'
import { isLong, printSeed, randomFrom, seed } from './random.ts'

const SECONDS = Number(process.env['RECONFD_SOAK_SECONDS'] ?? 0)
const RELEASES = isLong || SECONDS > 0 ? ABLE : (['3.2'] as const)
const LEAST_ROUNDS = 2
const STEPS = 6
/** Milliseconds. */
const PAUSE = 400
const SUSPENDED = 2500
/** Characters. */
const LOG_SHOWN = 6000

let scene: Scene | undefined
afterEach(async () => {
  await scene?.end()
  scene = undefined
})

test.each(RELEASES)(
  'HAProxy %s has the servers of the file after every fault',
  { timeout: (SECONDS + 300) * 1000 },
  async (release) => {
    printSeed(`HAProxy ${release}`)
    const random = randomFrom(seed)
    const below = (most: number): number => Math.floor(random() * most)
    const [port = 0] = await freePorts(1)
    scene = new Scene(release, port)
    await scene.begin({ n0: '127.0.0.1:8000' })
    const end = performance.now() + (SECONDS * 1000) / RELEASES.length
    let rounds = 0
    for (; rounds < LEAST_ROUNDS || performance.now() < end; rounds++) {
      for (let step = 0; step < STEPS; step++) {
        scene.set(servers(below), below(8) === 0 ? { client: `${5 + below(5)}s` } : {})
        await pause(below(PAUSE))
        await trouble(scene, below)
      }
      scene.resume()
      if ((await scene.haproxy.id()) === undefined) await scene.haproxy.restart()
      const last = servers(below)
      scene.set(last)
      await scene.has(last).catch((error: unknown) => {
        const { stderr } = scene?.resume() ?? { stderr: '' }
        throw new Error(`${String(error)}\n${stderr.slice(-LOG_SHOWN)}`)
      })
    }
    process.stdout.write(`HAProxy ${release}: ${rounds} rounds, ${scene.reloads} reloads\n`)
  },
)

type Below = (most: number) => number

const pause = (ms: number): Promise<void> => new Promise((passed) => setTimeout(passed, ms))

function servers(below: Below): Record<string, string> {
  // There is always at least one server, because a change that removes all keys would be held.
  const all: Record<string, string> = { n9: '127.0.0.1:8009' }
  for (let n = 0; n < 6; n++) {
    const [weight, disabled] = [below(3), below(6) === 0 ? ' disabled' : '']
    const place = `127.0.0.${1 + below(3)}:${8000 + n}`
    if (below(3) > 0) all[`n${n}`] = `${place}${weight > 0 ? ` weight ${weight}` : ''}${disabled}`
  }
  return all
}

async function trouble(at: Scene, below: Below): Promise<void> {
  const { haproxy } = at
  const isUp = (await haproxy.id()) !== undefined
  const kinds: readonly (() => Promise<unknown>)[] = [
    () => haproxy.restart(),
    async () => isUp && haproxy.kill(),
    async () => isUp && haproxy.reload(),
    async () => isUp && haproxy.suspend(below(SUSPENDED)),
    () => haproxy.ask('set server web/n1 weight 77').catch(() => undefined),
    () => haproxy.ask('set server web/n2 state maint; del server web/n2').catch(() => undefined),
    () => at.kill(),
    () => at.leave(),
    async () => at.resume(),
    async () => at.resume(),
  ]
  await kinds[below(kinds.length)]?.()
}
