// Three etcd members on loopback ports. A member can be killed, stopped (SIGSTOP) and started again.
import { EtcdV3Client } from './clients.ts'
import { HttpClient } from './http.ts'
import { removeDir, ServerProcess, startOnFreePorts, tempDir } from './process.ts'

export interface Member {
  readonly node: string
  readonly process: ServerProcess
  readonly client: EtcdV3Client
}

export interface EtcdCluster {
  readonly members: readonly Member[]
  leader(): Promise<Member>
  stop(): Promise<void>
}

export async function startEtcdCluster(): Promise<EtcdCluster> {
  return startOnFreePorts(6, async (ports) => {
    const dirs = [0, 1, 2].map((n) => tempDir(`etcd-${n}`))
    const peers = dirs.map((_, n) => `http://127.0.0.1:${ports[2 * n + 1]}`)
    const members = dirs.map((dir, n): Member => {
      const node = `127.0.0.1:${ports[2 * n]}`
      const args = [
        `--name=m${n}`,
        `--data-dir=${dir}`,
        `--listen-client-urls=http://${node}`,
        `--advertise-client-urls=http://${node}`,
        `--listen-peer-urls=${peers[n]}`,
        `--initial-advertise-peer-urls=${peers[n]}`,
        `--initial-cluster=${peers.map((peer, m) => `m${m}=${peer}`).join(',')}`,
        '--log-level=error',
      ]
      const ready = async (): Promise<boolean> => {
        const probe = new HttpClient(`http://${node}`)
        const healthy = await probe.answers('/health')
        probe.close()
        return healthy
      }
      return {
        node,
        process: new ServerProcess({ name: 'etcd', args, ready }),
        client: new EtcdV3Client(`http://${node}`),
      }
    })
    await Promise.all(members.map((member) => member.process.start()))
    return {
      members,
      leader: () => Promise.any(members.map(leaderIfItself)),
      async stop() {
        for (const { client } of members) client.close()
        await Promise.all(members.map((member) => member.process.kill()))
        dirs.forEach(removeDir)
      },
    }
  })
}

/** Returns the member if it is the leader; throws otherwise. */
async function leaderIfItself(member: Member): Promise<Member> {
  const { leader, header } = (await member.client.post('maintenance/status', {})) as {
    leader?: string
    header: { member_id: string }
  }
  if (leader === header.member_id) return member
  throw new Error(`${member.node} is not the leader`)
}
