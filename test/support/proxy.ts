// A TCP proxy on loopback that can be cut: an outage for the client while the server goes on working.
import { connect, createServer, type Socket } from 'node:net'

export interface Proxy {
  /** `127.0.0.1:port` */
  readonly node: string
  /** Ends all connections and refuses new ones. */
  cut(): void
  restore(): void
  close(): Promise<void>
}

export async function startProxy(target: string): Promise<Proxy> {
  const port = Number(target.split(':').at(-1))
  const sockets = new Set<Socket>()
  let isCut = false
  const server = createServer((near) => {
    if (isCut) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket)
      socket.once('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
      // The close that follows says all there is to say.
      socket.on('error', () => undefined)
      socket.pipe(other)
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const endAll = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    node: `127.0.0.1:${(server.address() as { port: number }).port}`,
    cut() {
      isCut = true
      endAll()
    },
    restore() {
      isCut = false
    },
    async close() {
      endAll()
      await new Promise((closed) => server.close(closed))
    },
  }
}
