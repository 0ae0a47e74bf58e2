// The reload protocol under random interleavings: the real engine on a simulated machine (simulation.ts). fast-check's
// scheduler drives it through changes, reloads that fail or overlap, rollbacks, group checks, SIGHUP, SIGTERM, kills
// and restarts. Rules R1 to R7 are checked after every step, and at the end every resource must be in sync.
//
//     npx vitest run test/engine/interleavings.test.ts
//     INTERLEAVINGS=100000 npx vitest run test/engine/interleavings.test.ts     the long form, with a new seed
//     INTERLEAVINGS_SEED=SEED INTERLEAVINGS_PATH=PATH,REPLAY                    replays a failure
//
// A failure prints the values for its replay, and each step of the shortest failing story that fast-check found.
import fc from 'fast-check'
import { test } from 'vitest'
import { destOf, keyOf, kinds, nameOf, World, type Kind, type Traits } from './simulation.ts'

const RUNS = Number(process.env['INTERLEAVINGS'] ?? 10_000)

const traits = fc.record<Traits>({
  command: fc.constantFrom('c1', 'c1', 'c2', 'none'),
  policy: fc.constantFrom('retry', 'rollback', 'rollback', 'verify'),
  group: fc.boolean(),
  groupCheck: fc.boolean(),
  minInterval: fc.constantFrom(0, 0, 5000),
  splay: fc.constantFrom(0, 0, 3000),
  hasFormer: fc.boolean(),
})

/** One step of the story. The scheduler interleaves the steps with the engine's own operations. */
class Step implements fc.AsyncCommand<object, World> {
  constructor(
    private readonly name: string,
    private readonly act: (world: World) => unknown,
  ) {}

  check(): boolean {
    return true
  }

  async run(_: object, world: World): Promise<void> {
    // Does not wait for the result, so that the consequences are interleaved with the following steps.
    void this.act(world)
  }

  toString(): string {
    return this.name
  }
}

const RESOURCES = 4
const number = fc.nat(RESOURCES - 1)
let serial = 0

const change = fc
  .tuple(number, fc.constantFrom<Kind[]>(...kinds))
  .map(
    ([n, kind]) =>
      new Step(`write r${n} ${kind}`, (world) => world.write(nameOf(n), `${kind}-${++serial}`)),
  )
const steps = [
  change,
  change,
  change,
  fc.constant(new Step('SIGKILL', (world) => world.kill())),
  fc.constant(new Step('start', (world) => world.start())),
  fc.constant(new Step('start', (world) => world.start())),
  fc.constant(new Step('SIGTERM', (world) => world.life?.end())),
  fc
    .boolean()
    .map((is) => new Step(`program broken: ${is}`, (world) => (world.isProgramBroken = is))),
  fc.boolean().map((is) => new Step(`store reachable: ${is}`, (world) => world.setReachable(is))),
  fc.nat(10_000).map((ms) => new Step(`${ms} ms`, (world) => world.advance(ms))),
  fc.nat(10_000).map((ms) => new Step(`${ms} ms`, (world) => world.advance(ms))),
  fc.tuple(number, fc.option(traits, { nil: undefined, freq: 4 })).map(
    ([n, next]) =>
      new Step(`SIGHUP r${n} ${JSON.stringify(next)}`, (world) => {
        world.configure(n, next)
        world.life?.reload()
      }),
  ),
  number.map((n) => new Step(`accept r${n}`, (world) => world.life?.accept(nameOf(n)))),
  number.map((n) => new Step(`suspend r${n}`, (world) => world.life?.suspend(nameOf(n)))),
  number.map((n) => new Step(`demand r${n}`, (world) => world.life?.demand(nameOf(n)))),
  number.map((n) => new Step(`reload r${n}`, (world) => world.life?.forceReload(nameOf(n)))),
]

/** Runs all scheduled operations, and the operations that follow from them. */
async function drain(scheduler: fc.Scheduler, world: World): Promise<void> {
  for (;;) {
    for (let tick = 0; tick < 20; tick++) await Promise.resolve()
    if (scheduler.count() === 0) await new Promise((done) => setImmediate(done))
    if (scheduler.count() === 0) return
    await scheduler.waitOne()
    world.check()
    if (world.faults.length > 0) return
  }
}

/** Advances the clock from timer to timer until no timer is pending, at most 60 times. */
async function settle(scheduler: fc.Scheduler, world: World): Promise<void> {
  await drain(scheduler, world)
  for (let n = 0; n < 60 && world.faults.length === 0 && world.advance(0); n++) {
    await drain(scheduler, world)
  }
}

/** Checks that each resource is in sync with the store, or has a reason why it is not. */
function checkExplained(world: World): void {
  const life = world.life
  if (life === undefined || !world.isStoreReachable) return
  const { resources } = life.board.status(life.journal.owed, world.now)
  for (const { name, state, why } of resources) {
    if (state !== 'in sync' && why === undefined) world.broke('why', `${name} is ${state}`)
    const wanted = world.tree.get(keyOf(name))
    const placed = world.files.get(destOf(name))
    if (state === 'in sync' && wanted !== placed) {
      world.broke('liveness', `${name} is in sync with ${placed}, and the store says ${wanted}`)
    }
  }
}

/**
 * Checks that every resource is in sync. Call only when no content is faulty.
 * @param mayBeRolledBack also accepts resources that were rolled back because their reload was shared with a faulty one
 */
function checkInSync(world: World, mayBeRolledBack: boolean): void {
  const life = world.life
  const { resources } = life?.board.status(life.journal.owed, world.now) ?? { resources: [] }
  for (const { name, state, why } of resources) {
    if (state === 'in sync' || (mayBeRolledBack && why?.startsWith('rolled back:') === true))
      continue
    world.broke('liveness', `${name} ends ${state}: ${why}`)
  }
}

async function story(
  world: World,
  scheduler: fc.Scheduler,
  commands: Iterable<fc.AsyncCommand<object, World>>,
): Promise<void> {
  void world.start()
  await fc.scheduledModelRun(scheduler, () => ({ model: {}, real: world }), commands)
  await settle(scheduler, world)
  checkExplained(world)
  if (world.faults.length > 0) return
  world.isProgramBroken = false
  world.setReachable(true)
  void world.start()
  world.life?.demandSuspended()
  // In the first round, good content may share its reload with bad content that is about to be replaced.
  for (const round of ['end', 'last']) {
    for (const n of world.traits.keys()) world.write(nameOf(n), `ok-${round}-${n}`)
    await settle(scheduler, world)
    checkInSync(world, round === 'end')
    if (world.faults.length > 0) return
  }
}

test(`R1 to R7 hold in ${RUNS} interleavings`, { timeout: 3_600_000 }, async () => {
  let world: World | undefined
  const scheduler = fc.scheduler({
    act: async (release) => {
      await release()
      world?.check()
    },
  })
  // The short form has a fixed seed, so that it does not depend on chance whether a commit passes.
  const isLong = process.env['INTERLEAVINGS'] !== undefined
  const seed = process.env['INTERLEAVINGS_SEED'] ?? (isLong ? undefined : 1)
  const [path, replayPath] = process.env['INTERLEAVINGS_PATH']?.split(',') ?? []
  const some = fc.commands(steps, {
    maxCommands: 20,
    size: '+1',
    ...(replayPath === undefined ? {} : { replayPath }),
  })
  await fc.assert(
    fc.asyncProperty(
      scheduler,
      fc.array(traits, { minLength: RESOURCES, maxLength: RESOURCES }),
      some,
      async (one, all, commands) => {
        serial = 0
        world = new World(all, one)
        await story(world, one, commands)
        if (world.faults.length > 0) throw new Error([...world.faults, ...world.story].join('\n'))
      },
    ),
    {
      numRuns: RUNS,
      ...(seed === undefined ? {} : { seed: Number(seed) }),
      ...(path === undefined ? {} : { path }),
    },
  )
})
