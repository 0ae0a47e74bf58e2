// The control socket. Each connection carries one request and one response, each a line of JSON. Only the
// user that runs the daemon may connect (mode 0600).
import { createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import {
  controlCommands,
  type ControlResponse,
  type DaemonControls,
  type ControlRequest,
} from '../core/control.ts'
import { ensureDir } from '../state/state-files.ts'
import { listenAt } from '../system/unix-socket.ts'
import { handle } from './answer.ts'

/** Maximum length of a request, in characters. A request contains only a command and a resource name. */
const MAX_REQUEST = 8192
/** Milliseconds without traffic before a connection is closed. */
const IDLE_TIMEOUT = 10_000
const CONNECTIONS = 32

export interface ControlServer {
  close(): Promise<void>
}

/**
 * Listens at `path` and replaces a socket that a dead daemon left behind. Does not keep the process alive.
 * @throws system errors
 */
export async function serveControl(path: string, controls: DaemonControls): Promise<ControlServer> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // The client disconnected.
    socket.on('error', () => socket.destroy())
    socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy())
    socket.unref()
    void serve(socket, controls)
  })
  server.maxConnections = CONNECTIONS
  server.unref()
  ensureDir(dirname(path))
  const remove = await listenAt(server, path)
  return {
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise<void>((closed) => server.close(() => closed()))
      await remove()
    },
  }
}

async function serve(socket: Socket, controls: DaemonControls): Promise<void> {
  try {
    const question = parse(await readLine(socket))
    const response: ControlResponse =
      question === undefined
        ? { kind: 'refused', message: 'invalid request; client and daemon may differ in version' }
        : await handle(question, controls)
    socket.end(`${JSON.stringify(response)}\n`)
  } catch {
    // The request is too long, or the connection broke.
    socket.destroy()
  }
}

async function readLine(socket: Socket): Promise<string> {
  let text = ''
  for await (const data of socket.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += data as string
    if (text.length > MAX_REQUEST) throw new Error('too long')
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  return text
}

function parse(line: string): ControlRequest | undefined {
  try {
    const { command, resource } = JSON.parse(line) as Record<string, unknown>
    const name = controlCommands.find((one) => one === command)
    if (name === undefined) return undefined
    return { command: name, ...(typeof resource === 'string' ? { resource } : {}) }
  } catch {
    return undefined
  }
}
