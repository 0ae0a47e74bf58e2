// What would keep a file and its processes from going without reloads: mistakes that can be seen before anything runs.
import { FaultError } from '../core/fault.ts'
import { isDynamic, numbersServers } from './balance.ts'
import { ask } from './client.ts'
import { identify } from './instance.ts'
import { readConfiguration, type Configuration } from './sections.ts'
import { isAble } from './server.ts'

export interface Doubt {
  readonly message: string
  readonly hint: string
}

/**
 * @param text the file, or its template
 * @param isWhole false for a template that takes in others: what is not in it may be there
 */
export async function examine(
  sockets: readonly string[],
  text: string,
  isWhole: boolean,
): Promise<readonly Doubt[]> {
  const configuration = readConfiguration(text)
  const asked = await Promise.all(sockets.map((socket) => socketDoubts(socket)))
  return [
    ...(isWhole ? sockets.flatMap((socket) => lineDoubts(socket, configuration)) : []),
    ...balanceDoubts(configuration),
    ...asked.flat(),
  ]
}

function lineDoubts(socket: string, { sockets }: Configuration): Doubt[] {
  const own = sockets.filter(([address = '']) => address.replace(/^(unix|ipv[46])@/, '') === socket)
  const hint = `Add to the global section: stats socket ${socket} mode 660 level admin expose-fd listeners`
  if (own.length === 0) return [{ message: `the file has no \`stats socket ${socket}\``, hint }]
  const isAdmin = own.some((words) => words[words.indexOf('level') + 1] === 'admin')
  return isAdmin ? [] : [{ message: `\`stats socket ${socket}\` is not of level admin`, hint }]
}

const balanceDoubts = ({ sections }: Configuration): Doubt[] =>
  [...sections.values()].flatMap(({ name, terms, servers }) => {
    const algorithm = terms.balance[0] ?? 'roundrobin'
    if (servers.length === 0) return []
    if (!isDynamic(terms)) {
      const message = `${name}: servers cannot come and go at run time with \`balance ${algorithm}\`, which is static`
      return [
        { message, hint: 'Use roundrobin, leastconn or random, or add `hash-type consistent`.' },
      ]
    }
    if (!numbersServers(terms) || servers.every(({ options }) => options.includes('id'))) return []
    const message = `${name}: \`balance ${algorithm}\` goes by the numbers of servers, and not every server has an \`id\``
    return [
      { message, hint: 'Give each server an `id` that stays, or servers come and go by reloads.' },
    ]
  })

/** Of a HAProxy that runs. */
async function socketDoubts(socket: string): Promise<Doubt[]> {
  try {
    const { version, release } = await identify(socket)
    if (!isAble(version)) {
      const message = `HAProxy ${release} cannot add servers at run time: every change is a reload`
      return [{ message, hint: 'HAProxy 2.6 can, and every later one.' }]
    }
    const [level = ''] = await ask(socket, ['show cli level'])
    if (level.includes('admin')) return []
    const message = `the running HAProxy gives ${socket} the level ${level}, and not admin`
    return [{ message, hint: `Write \`stats socket ${socket} level admin\`, and reload HAProxy.` }]
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    const { message, hint = 'Every change is a reload until it answers.' } = error.fault
    return [{ message, hint }]
  }
}
