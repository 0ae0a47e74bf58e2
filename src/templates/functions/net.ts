// Host names and addresses. A name that does not exist yields an empty list, as in confd, and so does an invalid name.
// Any other failure is an error, so that a failed look-up never empties a file.
import { networkInterfaces } from 'node:os'
import { compareText } from '../../core/key.ts'
import { raise } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { define } from './define.ts'
import { textParam } from './params.ts'

/** Time limit for a look-up, in milliseconds. */
const TIMEOUT = 5000

/** Error codes for a missing name, a missing record, and an invalid name such as `10.0.0.1:80`. */
const NOT_THERE = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME', 'EINVAL'])

/** An SRV record. Each field has its Go name, and the same name in lower case. */
export class Srv {
  constructor(
    /** The host name with a trailing dot, as in Go. */
    readonly target: string,
    readonly port: number,
    readonly priority: number,
    readonly weight: number,
  ) {}

  get Target(): string {
    return this.target
  }
  get Port(): number {
    return this.port
  }
  get Priority(): number {
    return this.priority
  }
  get Weight(): number {
    return this.weight
  }
}

/** Looks up a name. Returns [] if the name does not exist or is invalid. Throws a fault for any other failure. */
async function ask<T>(name: string, asking: () => Promise<T[]>): Promise<T[]> {
  // The resolver would truncate a name at a NUL.
  if (name === '' || /\p{Cc}/u.test(name) || !name.isWellFormed()) return []
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error(), { code: 'ETIMEOUT' })), TIMEOUT)
  })
  try {
    return await Promise.race([asking(), tooLate])
  } catch (error) {
    const code = String((error as NodeJS.ErrnoException).code)
    if (NOT_THERE.has(code)) return []
    return raise('template', `cannot look up "${name}" in DNS: ${code}`, {
      hint: 'check the name server and the network; the old file stays until the look-up succeeds',
    })
  } finally {
    clearTimeout(timer)
  }
}

/** Loaded on demand, because most templates look up no names. */
const resolver = async () => (await import('node:dns/promises')).default

const addresses = ({ fact }: RenderContext, name: string): string[] =>
  fact(`ip ${name}`, async () => {
    const dns = await resolver()
    const found = await ask(name, () => dns.lookup(name, { all: true }))
    return [...new Set(found.map(({ address }) => address))].sort(compareText)
  })

function services({ fact }: RenderContext, service: string, proto: string, name: string): Srv[] {
  const full = service === '' && proto === '' ? name : `_${service}._${proto}.${name}`
  const order = (srv: Srv) => `${srv.target}${srv.port}${srv.priority}${srv.weight}`
  return fact(`srv ${full}`, async () => {
    const dns = await resolver()
    const found = await ask(full, () => dns.resolveSrv(full))
    return found
      .map((srv) => new Srv(`${srv.name.replace(/\.$/, '')}.`, srv.port, srv.priority, srv.weight))
      .sort((a, b) => compareText(order(a), order(b)))
  })
}

/** The first IPv4 or IPv6 address of a network interface; empty if there is none. */
function interfaceAddress(name: string, family: 'IPv4' | 'IPv6'): string {
  const addresses = new Map(Object.entries(networkInterfaces())).get(name) ?? []
  return addresses.find((address) => address.family === family)?.address ?? ''
}

export const networkFunctions = [
  define('lookupIP', {
    params: [textParam('name')],
    doc: 'All addresses of a host name, sorted. The list is empty if the name does not exist or is invalid; any other failure of the look-up is an error.',
    filter: 0,
    examples: [
      { nunjucks: 'lookupIP("127.0.0.1")', go: 'lookupIP "127.0.0.1"', result: ['127.0.0.1'] },
      { nunjucks: 'lookupIP("") | length', go: 'len (lookupIP "")', result: 0 },
    ],
    run: (context, name) => addresses(context, name),
  }),
  define('lookupIPV4', {
    params: [textParam('name')],
    doc: 'The IPv4 addresses of a host name, sorted.',
    filter: 0,
    examples: [
      { nunjucks: 'lookupIPV4("127.0.0.1")', go: 'lookupIPV4 "127.0.0.1"', result: ['127.0.0.1'] },
    ],
    run: (context, name) => addresses(context, name).filter((address) => !address.includes(':')),
  }),
  define('lookupIPV6', {
    params: [textParam('name')],
    doc: 'The IPv6 addresses of a host name, sorted.',
    filter: 0,
    examples: [
      { nunjucks: 'lookupIPV6("::1")', go: 'lookupIPV6 "::1"', result: ['::1'] },
      {
        nunjucks: 'lookupIPV6("127.0.0.1") | length',
        go: 'len (lookupIPV6 "127.0.0.1")',
        result: 0,
      },
    ],
    run: (context, name) => addresses(context, name).filter((address) => address.includes(':')),
  }),
  define('lookupSRV', {
    params: [textParam('service'), textParam('proto'), textParam('name')],
    doc: 'The SRV records of `_service._proto.name`, sorted: `.Target` (with a trailing dot), `.Port`, `.Priority`, `.Weight`.',
    examples: [
      {
        nunjucks: 'lookupSRV("", "", "10.0.0.1:80") | length',
        go: 'len (lookupSRV "" "" "10.0.0.1:80")',
        result: 0,
      },
      {
        nunjucks: 'lookupSRV("http", "tcp", "example.com")',
        go: 'lookupSRV "http" "tcp" "example.com"',
        shows: '[{"target":"web1.example.com.","port":80,"priority":10,"weight":5}]',
      },
    ],
    run: (context, service, proto, name) => services(context, service, proto, name),
  }),
  define('lookupIfaceIPV4', {
    params: [textParam('interface')],
    doc: 'The first IPv4 address of a network interface; empty if there is none.',
    filter: 0,
    examples: [
      { nunjucks: 'lookupIfaceIPV4("eth0")', go: 'lookupIfaceIPV4 "eth0"', shows: '"10.0.0.7"' },
      { nunjucks: 'lookupIfaceIPV4("none0")', go: 'lookupIfaceIPV4 "none0"', result: '' },
    ],
    run: (_, name) => interfaceAddress(name, 'IPv4'),
  }),
  define('lookupIfaceIPV6', {
    params: [textParam('interface')],
    doc: 'The first IPv6 address of a network interface; empty if there is none.',
    filter: 0,
    examples: [
      { nunjucks: 'lookupIfaceIPV6("eth0")', go: 'lookupIfaceIPV6 "eth0"', shows: '"fe80::1"' },
      { nunjucks: 'lookupIfaceIPV6("none0")', go: 'lookupIfaceIPV6 "none0"', result: '' },
    ],
    run: (_, name) => interfaceAddress(name, 'IPv6'),
  }),
]
