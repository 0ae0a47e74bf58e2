// Deletes removed servers from a process, each as soon as it has no connections left or its drain time is over. Polls
// HAProxy, which refuses `del server` as long as anything is attached to the server.
import { sendCommands } from './client.ts'
import type { Departure, Process } from './loaded.ts'
import { infoOf } from './process.ts'

/** Milliseconds for which HAProxy may refuse to delete a server after its sessions were shut down. */
const MAX_REFUSED = 30_000

export interface DepartureProgress {
  readonly leaving: readonly Departure[]
  /** The deleted servers, as `backend/server`. */
  readonly deleted: readonly string[]
  /** A server that HAProxy has refused to delete for longer than MAX_REFUSED. */
  readonly stuck?: string
}

/**
 * Polls once and deletes the servers that can be deleted.
 * @param now milliseconds since the Unix epoch
 * @throws FaultError
 */
export async function pollDepartures(
  socket: string,
  process: Process,
  now: number,
): Promise<DepartureProgress> {
  const { leaving } = process
  const gentle = [...new Set(leaving.flatMap(({ gently, backend }) => (gently ? [backend] : [])))]
  const [about = '', ...used] = await sendCommands(socket, [
    'show info',
    ...gentle.map((backend) => `show servers conn ${backend}`),
  ])
  // A new process has taken over and does not have these servers.
  if (infoOf(about)?.id !== process.id) return { leaving: [], deleted: [] }
  const idle = used.flatMap(unusedIn)
  const ready = leaving.filter(({ gently, until, backend, name }) => {
    return !gently || until <= now || idle.includes(`${backend}/${name}`)
  })
  const commandsOf = ({ backend, name, gently, until }: Departure): readonly string[] => {
    const id = `${backend}/${name}`
    return [
      ...(gently ? [`set server ${id} state maint`] : []),
      ...(until <= now ? [`shutdown sessions server ${id}`] : []),
      `del server ${id}`,
    ]
  }
  const commands = ready.flatMap(commandsOf)
  const answers = commands.length === 0 ? [] : await sendCommands(socket, commands)
  const isDeleted = (id: string): boolean =>
    /^(Server deleted|No such server)/.test(answers[commands.indexOf(`del server ${id}`)] ?? '')
  const deleted = ready.filter(({ backend, name }) => isDeleted(`${backend}/${name}`))
  const rest = leaving.filter((one) => !deleted.includes(one))
  const stuck = rest.find(({ until }) => until + MAX_REFUSED <= now)
  return {
    leaving: rest,
    deleted: deleted.map(({ backend, name }) => `${backend}/${name}`),
    ...(stuck === undefined ? {} : { stuck: `${stuck.backend}/${stuck.name}` }),
  }
}

/** Parses `show servers conn`. @returns the servers without connections in use */
function unusedIn(answer: string): string[] {
  const [head = '', ...rows] = answer.split('\n').map((line) => line.replace(/^# /, ''))
  const at = head.split(/\s+/).indexOf('used_cur')
  return rows
    .map((row) => row.split(/\s+/))
    .flatMap((fields) => (at > 0 && fields[at] === '0' ? [fields[0] ?? ''] : []))
}
