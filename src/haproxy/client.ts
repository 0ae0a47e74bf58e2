// A client of HAProxy's Runtime API (its management guide, 9.3): one connection for each batch of commands, in
// the interactive mode, whose prompt shows where one answer ends and the next begins.
import { connect } from 'node:net'
import { errnoOf } from '../core/errno.ts'
import { FaultError, raise, type Fault } from '../core/fault.ts'

export interface Patience {
  /** Milliseconds until a connection stands. */
  readonly connect: number
  /** Milliseconds from one piece of an answer to the next. */
  readonly answer: number
}

export const PATIENCE: Patience = { connect: 2000, answer: 3000 }
/** Bytes of all answers together; 5,000 servers make some 800 KB. */
const ANSWERS_MOST = 32 * 1024 * 1024
const PROMPT = '\n> '

/** A path, or `host:port` with the host in brackets where it is an IPv6 address. */
const targetOf = (address: string) => {
  if (address.startsWith('/')) return { path: address }
  const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/**
 * Sends commands, each a line of its own; none may hold a line break or a `;`.
 * @returns an answer for each, without blank ends
 * @throws FaultError when not all of them were answered
 */
export async function ask(
  address: string,
  commands: readonly string[],
  { patience = PATIENCE, signal }: { readonly patience?: Patience; readonly signal?: AbortSignal } = {},
): Promise<readonly string[]> {
  const text = await converse(address, ['prompt', ...commands, 'quit'], patience, signal)
  // The prompt stands before each command, and before `quit`.
  const [before = '', ...answers] = text.split(PROMPT)
  if (before.trim() !== '') raise('io', `${address} is no Runtime API of HAProxy`, NOT_HAPROXY)
  if (answers.length <= commands.length) {
    raise('io', `${address} has closed the connection before the last answer`)
  }
  return answers.slice(0, commands.length).map((answer) => answer.trim())
}

const NOT_HAPROXY = {
  hint: 'Name the `stats socket` of HAProxy, or one of several, below [template.haproxy].',
} as const

/** All that comes until the other side closes. Bytes as Latin-1: a configuration may hold any. */
function converse(
  address: string,
  lines: readonly string[],
  { connect: toConnect, answer: toAnswer }: Patience,
  signal?: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(targetOf(address))
    const pieces: Buffer[] = []
    let size = 0
    const fail = (fault: Fault): void => {
      socket.destroy()
      reject(new FaultError(fault))
    }
    const abort = (): void => fail(lateFault(address))
    signal?.addEventListener('abort', abort, { once: true })
    socket.once('close', () => signal?.removeEventListener('abort', abort))
    if (signal?.aborted === true) return abort()
    socket.setTimeout(toConnect, abort)
    socket.once('connect', () => {
      socket.setTimeout(toAnswer)
      socket.write(`${lines.join('\n')}\n`, 'latin1')
    })
    socket.on('data', (piece) => {
      pieces.push(piece)
      size += piece.length
      if (size > ANSWERS_MOST) fail({ kind: 'io', message: `${address} answers without an end` })
    })
    socket.once('error', (error) => fail(connectionFault(address, error)))
    socket.once('end', () => resolve(Buffer.concat(pieces).toString('latin1')))
  })
}

const lateFault = (address: string): Fault => ({
  kind: 'io',
  message: `${address} does not answer`,
  hint: 'Is HAProxy stopped, or are all connections of its `stats maxconn` taken?',
})

function connectionFault(address: string, error: Error): Fault {
  const isPath = address.startsWith('/')
  switch (errnoOf(error)) {
    case 'ENOENT':
      return {
        kind: 'io',
        message: `there is no socket ${address}`,
        hint: 'Is HAProxy running, and does its file have this `stats socket`?',
      }
    case 'ECONNREFUSED':
      return {
        kind: 'io',
        message: `nothing listens at ${address}`,
        hint: isPath ? 'It was left by a HAProxy that has ended.' : 'Is HAProxy running?',
      }
    case 'EACCES':
    case 'EPERM':
      return {
        kind: 'io',
        message: `the user that reconfd runs as may not connect to ${address}`,
        hint: 'Add `user`, `group` or `mode` to the `stats socket` line, such as `mode 660 group haproxy`.',
      }
    default:
      return { kind: 'io', message: `the connection to ${address} has failed: ${errnoOf(error) ?? 'unknown error'}` }
  }
}

