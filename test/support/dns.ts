// A DNS server for tests (RFC 1035) that answers only questions for SRV records.
import { createSocket } from 'node:dgram'

export interface Target {
  readonly host: string
  readonly port: number
  readonly priority?: number
  readonly weight?: number
}

export interface DnsServer {
  /** The address, as dns.setServers() expects it. */
  readonly address: string
  /** The names that clients have asked for so far. */
  readonly asked: readonly string[]
  set(record: string, targets: readonly Target[]): void
  /** Stops answering. */
  fallSilent(): void
  close(): Promise<void>
}

const SRV = 33
const NAME_ERROR = 3

export async function startDns(): Promise<DnsServer> {
  const records = new Map<string, readonly Target[]>()
  const asked: string[] = []
  let silent = false
  const socket = createSocket('udp4')
  socket.on('message', (question, from) => {
    const { name, end } = nameAt(question, 12)
    asked.push(name)
    if (silent) return
    const isSrv = question.readUInt16BE(end) === SRV
    const targets = isSrv ? records.get(name) : undefined
    const head = Buffer.from(question.subarray(0, 12))
    head.writeUInt16BE(0x8580 | (targets === undefined ? NAME_ERROR : 0), 2)
    for (const [at, count] of [1, targets?.length ?? 0, 0, 0].entries()) {
      head.writeUInt16BE(count, 4 + 2 * at)
    }
    const answers = (targets ?? []).map(answerOf)
    socket.send(
      Buffer.concat([head, question.subarray(12, end + 4), ...answers]),
      from.port,
      from.address,
    )
  })
  await new Promise<void>((bound) => socket.bind(0, '127.0.0.1', bound))
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    set: (record, targets) => void records.set(record, targets),
    fallSilent() {
      silent = true
    },
    close: async () => new Promise((closed) => socket.close(() => closed())),
  }
}

/** Returns the name at an offset, and the offset after the name. Questions contain no compressed names. */
function nameAt(packet: Buffer, from: number): { name: string; end: number } {
  const labels: string[] = []
  let at = from
  for (let length = packet[at] as number; length > 0; length = packet[at] as number) {
    labels.push(packet.toString('latin1', at + 1, at + 1 + length))
    at += length + 1
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 }
}

function answerOf({ host, port, priority = 0, weight = 0 }: Target): Buffer {
  const labels =
    host === '.' ? [] : host.split('.').map((label) => [label.length, ...Buffer.from(label)])
  const data = Buffer.concat([uint16(priority, weight, port), Buffer.from([...labels.flat(), 0])])
  // The name is a pointer to the name in the question. The class is IN, and the TTL is 0.
  return Buffer.concat([uint16(0xc00c, SRV, 1, 0, 0, data.length), data])
}

function uint16(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(2 * numbers.length)
  for (const [at, number] of numbers.entries()) bytes.writeUInt16BE(number, 2 * at)
  return bytes
}
