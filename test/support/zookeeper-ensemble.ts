// Three ZooKeeper servers on loopback ports that elect a leader. A member can be killed, stopped (SIGSTOP) and
// started again.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { removeDir, serverBinary, ServerProcess, startOnFreePorts, tempDir } from './process.ts'
import { ZookeeperClient, zookeeperProcess } from './zookeeper.ts'

export interface EnsembleMember {
  readonly node: string
  readonly port: number
  readonly process: ServerProcess
  readonly client: ZookeeperClient
}

export interface ZookeeperEnsemble {
  readonly members: readonly EnsembleMember[]
  stop(): Promise<void>
}

/** @param sessionTimeout milliseconds after which a session expires if its client is silent */
export async function startEnsemble(sessionTimeout: number): Promise<ZookeeperEnsemble> {
  const jar = serverBinary('zookeeper').path
  return startOnFreePorts(9, async (ports) => {
    const dirs = [0, 1, 2].map((n) => tempDir(`zookeeper-${n}`))
    const peers = Object.fromEntries(
      dirs.map((_, n) => [`server.${n}`, `127.0.0.1:${ports[3 * n]}:${ports[3 * n + 1]}`]),
    )
    const members = dirs.map((dataDir, n): EnsembleMember => {
      writeFileSync(join(dataDir, 'myid'), String(n))
      const port = ports[3 * n + 2] as number
      const spec = zookeeperProcess(jar, port, [], {
        dataDir,
        // Time limits for a follower to join the leader and to keep up with it, in ticks.
        initLimit: 40,
        syncLimit: 20,
        minSessionTimeout: sessionTimeout,
        maxSessionTimeout: sessionTimeout,
        ...peers,
      })
      const node = `127.0.0.1:${port}`
      return { node, port, process: new ServerProcess(spec), client: new ZookeeperClient(node) }
    })
    await Promise.all(members.map((member) => member.process.start()))
    return {
      members,
      async stop() {
        for (const { client } of members) client.close()
        await Promise.all(members.map((member) => member.process.kill()))
        dirs.forEach(removeDir)
      },
    }
  })
}
