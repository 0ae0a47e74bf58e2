// Dead nodes, as clients see them: one accepts connections but stays silent, one drops packets, and one refuses
// connections.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { freePorts } from './process.ts'

export interface DeadNode {
  /** `127.0.0.1:port` */
  readonly node: string
  close(): Promise<void>
}

export const deadNodes = {
  /** Accepts connections and never answers. */
  async 'takes connections and stays silent'(): Promise<DeadNode> {
    const open = new Set<Socket>()
    const server = createServer((socket) => {
      open.add(socket.on('error', () => undefined).on('close', () => open.delete(socket)))
      socket.resume()
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    return {
      node: `127.0.0.1:${(server.address() as { port: number }).port}`,
      async close() {
        for (const socket of open) socket.destroy()
        await new Promise((closed) => server.close(closed))
      },
    }
  },

  /** A stopped process whose backlog is full: new connections are neither accepted nor refused. */
  async 'drops packets'(): Promise<DeadNode> {
    const code = `const s = require('net').createServer()
      s.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))`
    const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const port = Number(line)
    child.kill('SIGSTOP')
    const queued: Socket[] = []
    // Connects until a connection is not accepted within 150 ms. Then the backlog is full.
    for (let isTaken = true; isTaken;) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined)
      queued.push(socket)
      const taken = once(socket, 'connect').then(() => true)
      isTaken = await Promise.race([taken, new Promise<false>((no) => setTimeout(no, 150, false))])
    }
    return {
      node: `127.0.0.1:${port}`,
      async close() {
        for (const socket of queued) socket.destroy()
        child.kill('SIGKILL')
        await once(child, 'exit')
      },
    }
  },

  async 'refuses connections'(): Promise<DeadNode> {
    const [port] = await freePorts(1)
    return { node: `127.0.0.1:${port}`, close: async () => undefined }
  },
} as const satisfies Readonly<Record<string, () => Promise<DeadNode>>>
