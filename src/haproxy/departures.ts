// Servers that leave a process: each is deleted when it has no connections any more, or when its time is over. HAProxy
// itself is asked, again and again: `del server` is refused as long as something is attached to the server.
import { ask } from './client.ts'
import type { Departure, Process } from './loaded.ts'
import { infoOf } from './process.ts'

/** How long HAProxy may refuse to delete a server whose sessions were shut down, in milliseconds. */
const REFUSED_MOST = 30_000

export interface Progress {
  readonly leaving: readonly Departure[]
  /** Servers that are gone. */
  readonly deleted: readonly string[]
  /** What HAProxy does not delete. */
  readonly stuck?: string
}

/**
 * One look at all of them.
 * @param now milliseconds since 1970
 * @throws FaultError
 */
export async function proceed(socket: string, process: Process, now: number): Promise<Progress> {
  const { leaving } = process
  const gentle = [...new Set(leaving.flatMap(({ gently, backend }) => (gently ? [backend] : [])))]
  const [about = '', ...used] = await ask(socket, [
    'show info',
    ...gentle.map((backend) => `show servers conn ${backend}`),
  ])
  // Another process has taken over, and has never known them.
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
  const answers = commands.length === 0 ? [] : await ask(socket, commands)
  const isDeleted = (id: string): boolean =>
    /^(Server deleted|No such server)/.test(answers[commands.indexOf(`del server ${id}`)] ?? '')
  const deleted = ready.filter(({ backend, name }) => isDeleted(`${backend}/${name}`))
  const rest = leaving.filter((one) => !deleted.includes(one))
  const stuck = rest.find(({ until }) => until + REFUSED_MOST <= now)
  return {
    leaving: rest,
    deleted: deleted.map(({ backend, name }) => `${backend}/${name}`),
    ...(stuck === undefined ? {} : { stuck: `${stuck.backend}/${stuck.name}` }),
  }
}

/** Of an answer of `show servers conn`, the servers that have no connection in use. */
function unusedIn(answer: string): string[] {
  const [head = '', ...rows] = answer.split('\n').map((line) => line.replace(/^# /, ''))
  const at = head.split(/\s+/).indexOf('used_cur')
  return rows
    .map((row) => row.split(/\s+/))
    .flatMap((fields) => (at > 0 && fields[at] === '0' ? [fields[0] ?? ''] : []))
}
