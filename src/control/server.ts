// The control socket: one question a connection, a line of JSON; one answer, a line of JSON. Only the
// user that runs the daemon may connect (0600).
import { createServer, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { questionNames, type Answer, type Controls, type Question } from '../core/control.ts'
import { makeDirs } from '../state/state-files.ts'
import { listenAt } from '../system/unix-socket.ts'
import { answer } from './answer.ts'

/** In bytes; a question is the name of a command and of a resource. */
const LONGEST_QUESTION = 8192
/** Milliseconds without a word from who asks, or until he has read the answer. */
const PATIENCE = 10_000
const CONNECTIONS = 32

export interface ControlServer {
  close(): Promise<void>
}

/**
 * Listens at a path; what a dead daemon has left there is replaced. Does not keep the process alive.
 * @throws system errors
 */
export async function serveControl(path: string, controls: Controls): Promise<ControlServer> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    // Who asks has gone away: nothing is lost.
    socket.on('error', () => socket.destroy())
    socket.setTimeout(PATIENCE, () => socket.destroy())
    socket.unref()
    void serve(socket, controls)
  })
  server.maxConnections = CONNECTIONS
  server.unref()
  makeDirs(dirname(path))
  const remove = await listenAt(server, path)
  return {
    async close() {
      for (const socket of open) socket.destroy()
      await new Promise<void>((closed) => server.close(() => closed()))
      await remove()
    },
  }
}

async function serve(socket: Socket, controls: Controls): Promise<void> {
  try {
    const question = parse(await readLine(socket))
    const told: Answer =
      question === undefined
        ? { kind: 'refused', message: 'the question was not understood' }
        : await answer(question, controls)
    socket.end(`${JSON.stringify(told)}\n`)
  } catch {
    // Too long, or the connection broke.
    socket.destroy()
  }
}

async function readLine(socket: Socket): Promise<string> {
  let text = ''
  for await (const data of socket.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    text += data as string
    if (text.length > LONGEST_QUESTION) throw new Error('too long')
    const end = text.indexOf('\n')
    if (end >= 0) return text.slice(0, end)
  }
  return text
}

function parse(line: string): Question | undefined {
  try {
    const { command, resource } = JSON.parse(line) as Record<string, unknown>
    const name = questionNames.find((one) => one === command)
    if (name === undefined) return undefined
    return { command: name, ...(typeof resource === 'string' ? { resource } : {}) }
  } catch {
    return undefined
  }
}
