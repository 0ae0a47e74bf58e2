// What any store over HTTP can suffer: the trials that more than one of them goes through.
import type { Proxy } from '../support/proxy.ts'
import type { Trial } from './harness.ts'

interface Server {
  kill(): Promise<void>
  start(): Promise<void>
}

/** The server dies in the middle of writes, and comes back with what it had acknowledged. */
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

/** @param lengths after how many bytes an answer ends, one after the other */
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
