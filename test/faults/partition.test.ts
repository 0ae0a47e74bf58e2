// A realistic network partition, in which packets are lost. This test needs network namespaces. etcd.test.ts simulates
// a partition with a proxy, which works everywhere.
import { spawn } from 'node:child_process'
import { test } from 'vitest'
import { createNetwork, type Network } from '../support/network.ts'
import { removeDir, serverBinary, ServerProcess, tempDir } from '../support/process.ts'
import { trying } from './harness.ts'
import type { TrialStore } from './stores.ts'

/** Starts etcd on the far side of a network. Writes go through etcdctl on that side. */
async function startBehind(network: Network, dataDir: string) {
  const [url, peer] = [`http://${network.address}:2379`, `http://${network.address}:2380`]
  const [ip = '', ...rest] = network.server
  const { path, env } = serverBinary('etcd')
  const etcdctl = (args: readonly string[], input = ''): Promise<void> =>
    runOn(network.server, [serverBinary('etcdctl').path, `--endpoints=${url}`, ...args], input)
  const server = new ServerProcess({
    name: ip,
    args: [
      ...[...rest, path, `--data-dir=${dataDir}`, '--log-level=error'],
      ...[`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`],
      ...[`--listen-peer-urls=${peer}`, `--initial-advertise-peer-urls=${peer}`],
      `--initial-cluster=default=${peer}`,
    ],
    env,
    ready: () =>
      etcdctl(['endpoint', 'health']).then(
        () => true,
        () => false,
      ),
  })
  const store: TrialStore = {
    args: ['-backend', 'etcdv3', '-node', `${network.address}:2379`],
    put(keys) {
      const puts = [...keys].map(([key, value]) => `put ${key} ${value}\n`)
      // The input of `etcdctl txn`: no conditions, the puts on success, and nothing on failure.
      return etcdctl(['txn'], `\n${puts.join('')}\n\n`)
    },
  }
  await server.start()
  return { server, store }
}

function runOn(side: readonly string[], command: readonly string[], input: string): Promise<void> {
  const [program = '', ...args] = [...side, ...command]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...serverBinary('etcdctl').env, ETCDCTL_API: '3' },
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`${command.slice(1).join(' ')} ended with ${code}`))
    })
    child.stdin.end(input)
  })
}

test('a cable that is unplugged for a while', async (context) => {
  const network = createNetwork()
  if (typeof network === 'string') return context.skip(network)
  const dataDir = tempDir('etcd-behind')
  const { server, store } = await startBehind(network, dataDir)
  try {
    await trying(store, { wrap: network.client }, async (trial) => {
      await trial.begin()
      network.unplug()
      await trial.writes(3)
      await trial.untilTold('store-stale')
      await trial.writes(3)
      network.plug()
      await trial.settle()
      await trial.writes(3)
      await trial.judge()
    })
  } finally {
    await server.kill()
    network.close()
    removeDir(dataDir)
  }
})
