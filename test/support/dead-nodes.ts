// Dead nodes, as clients see them: one accepts connections but stays silent, one drops packets, and one refuses
// connections.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { freePorts } from './process.ts'
import { unansweredTo } from './sockets.ts'

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
    // Connects until the kernel leaves a connection unanswered, because the backlog is full. Until then, the kernel
    // answers at once unless it is busy. The state comes from the kernel, because this process may be busy, too.
    do {
      queued.push(connect(port, '127.0.0.1').on('error', () => undefined))
      await nextTurn()
      if (unansweredTo(port) > 0) await delay(150)
    } while (unansweredTo(port) === 0)
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
