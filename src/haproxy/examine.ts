// Finds reasons why changes to a file would need a reload, in the file and in the HAProxy processes that load it.
import { FaultError } from '../core/fault.ts'
import { hasServerWithoutId, isDynamic, numbersServers } from './balance.ts'
import { sendCommands } from './client.ts'
import { identify } from './instance.ts'
import { readConfiguration, type HaproxyConfig } from './sections.ts'
import { isAble } from './server.ts'

export interface Doubt {
  readonly message: string
  readonly hint: string
}

/**
 * @param text the content of the file, or of its template
 * @param isWhole false for a template with includes, which may contain what the template itself lacks
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
    ...sectionDoubts(configuration),
    ...asked.flat(),
  ]
}

function lineDoubts(socket: string, { sockets }: HaproxyConfig): Doubt[] {
  const own = sockets.filter(([address = '']) => address.replace(/^(unix|ipv[46])@/, '') === socket)
  const hint = `add to the global section: stats socket ${socket} mode 660 level admin expose-fd listeners`
  if (own.length === 0) return [{ message: `the file has no \`stats socket ${socket}\``, hint }]
  const isAdmin = own.some((words) => words[words.indexOf('level') + 1] === 'admin')
  return isAdmin ? [] : [{ message: `\`stats socket ${socket}\` has no \`level admin\``, hint }]
}

const sectionDoubts = ({ sections }: HaproxyConfig): Doubt[] =>
  [...sections.values()].flatMap(({ name, terms, servers }) => {
    const algorithm = terms.balance[0] ?? 'roundrobin'
    if (servers.size === 0) return []
    if (terms.hasExternalChecks) {
      const message = `${name}: \`option external-check\`: servers cannot be added or removed at run time`
      return [{ message, hint: 'use another check, such as `option httpchk`' }]
    }
    if (!isDynamic(terms)) {
      const message = `${name}: \`balance ${algorithm}\` is static: servers cannot be added or removed at run time`
      return [
        { message, hint: 'use roundrobin, leastconn or random, or add `hash-type consistent`' },
      ]
    }
    if (!numbersServers(terms) || !hasServerWithoutId({ servers })) return []
    const message = `${name}: \`balance ${algorithm}\` balances by server id, and not every server has an \`id\``
    return [
      {
        message,
        hint: 'give each server a stable `id`; otherwise every added or removed server needs a reload',
      },
    ]
  })

/** Checks a running HAProxy. */
async function socketDoubts(socket: string): Promise<Doubt[]> {
  try {
    const { version, release } = await identify(socket)
    if (!isAble(version)) {
      const message = `HAProxy ${release} cannot add servers at run time: every change needs a reload`
      return [{ message, hint: 'upgrade to HAProxy 2.6 or later' }]
    }
    const [level = ''] = await sendCommands(socket, ['show cli level'])
    if (level.includes('admin')) return []
    const message = `in the running HAProxy, ${socket} has level ${level} instead of admin`
    return [{ message, hint: `set \`stats socket ${socket} level admin\`, and reload HAProxy` }]
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    const {
      message,
      hint = 'check that HAProxy is running and answers on this socket; until then, every change needs a reload',
    } = error.fault
    return [{ message, hint }]
  }
}
