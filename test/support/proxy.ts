// A TCP proxy on loopback that simulates outages while the server keeps running: it can cut connections, fall silent,
// end answers early, or answer instead of the server.
import { connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  /** `127.0.0.1:port` */
  readonly node: string
  /** Closes all connections. From now on, closes new ones immediately. */
  cut(): void
  /** Simulates a partition: connections stay open, new ones are accepted, and no data passes. */
  silence(): void
  /** Closes each connection, including open ones, after this many bytes of answers. */
  truncate(bytes: number): void
  /** The number of connections closed by `truncate`. */
  readonly cutShort: number
  /** Closes open connections. From now on, answers a request with this text and closes its connection. */
  answer(text: string): void
  restore(): void
  close(): Promise<void>
}

type Mode =
  | { readonly kind: 'open' | 'cut' | 'silent' }
  | { readonly kind: 'truncated'; readonly bytes: number }
  | { readonly kind: 'answered'; readonly text: string }

export async function startProxy(target: string): Promise<Proxy> {
  const port = Number(target.split(':').at(-1))
  const sockets = new Set<Socket>()
  let mode: Mode = { kind: 'open' }
  let cutShort = 0

  const join = (near: Socket, far: Socket): void => {
    const passed = { bytes: 0 }
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.once('close', () => {
        sockets.delete(from)
        to.destroy()
      })
      // Nothing to do here, because a `close` event follows.
      from.on('error', () => undefined)
      from.on('data', (data: Buffer) => {
        if (mode.kind === 'silent') return
        const most =
          mode.kind === 'truncated' && from === far ? mode.bytes - passed.bytes : Infinity
        if (from === far) passed.bytes += data.length
        if (data.length < most) {
          if (!to.write(data)) from.pause()
        } else {
          cutShort++
          to.end(data.subarray(0, Math.max(0, most)), () => from.destroy())
        }
      })
      to.on('drain', () => from.resume())
    }
  }

  const server = createServer((near) => {
    const { kind } = mode
    if (kind === 'cut') near.destroy()
    else if (mode.kind === 'answered') {
      const { text } = mode
      near.on('error', () => undefined).once('data', () => near.end(text))
    } else join(near, connect(port, '127.0.0.1'))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    node: `127.0.0.1:${(server.address() as { port: number }).port}`,
    cut() {
      mode = { kind: 'cut' }
      endAll()
    },
    silence() {
      mode = { kind: 'silent' }
    },
    truncate(bytes) {
      mode = { kind: 'truncated', bytes }
    },
    get cutShort() {
      return cutShort
    },
    answer(text) {
      mode = { kind: 'answered', text }
      endAll()
    },
    restore() {
      // While the proxy was silent, it dropped data, so the streams of the open connections have a gap.
      if (mode.kind === 'silent') endAll()
      mode = { kind: 'open' }
    },
    async close() {
      endAll()
      await new Promise((closed) => server.close(closed))
    },
  }
}
