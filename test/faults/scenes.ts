// Faults for stores that use HTTP, shared by the trials with several stores.
import type { Proxy } from '../support/proxy.ts'
import type { Trial } from './harness.ts'

interface Server {
  kill(): Promise<void>
  start(): Promise<void>
}

/** Kills the server during writes, then restarts it. The acknowledged writes must still be there. */
export async function killedAndStarted(trial: Trial, server: Server): Promise<void> {
  await trial.begin()
  const writing = trial.attempts(200)
  await server.kill()
  await trial.untilTold('store-stale')
  await writing
  await server.start()
  await trial.write()
  await trial.judge()
}

/** @param lengths for each round, the number of bytes after which answers are cut off */
export async function answersCutShort(
  trial: Trial,
  proxy: Proxy,
  lengths: readonly number[],
): Promise<void> {
  await trial.begin()
  for (const bytes of lengths) {
    const before = proxy.cutShort
    proxy.truncate(bytes)
    await trial.writes(5)
    await trial.until('an answer is cut short', () => proxy.cutShort > before)
  }
  proxy.restore()
  await trial.write()
  await trial.judge()
}
