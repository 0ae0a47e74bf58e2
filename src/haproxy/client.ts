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
  /** Milliseconds for all of it. */
  readonly whole: number
}

export const PATIENCE: Patience = { connect: 2000, answer: 3000, whole: 20_000 }
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
  patience: Patience = PATIENCE,
): Promise<readonly string[]> {
  const text = await converse(address, ['prompt', ...commands, 'quit'], patience)
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
  { connect: toConnect, answer: toAnswer, whole }: Patience,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(targetOf(address))
    const pieces: Buffer[] = []
    let size = 0
    const fail = (error: FaultError): void => {
      socket.destroy()
      reject(error)
    }
    const late = setTimeout(() => fail(new FaultError(lateFault(address))), whole)
    socket.once('close', () => clearTimeout(late))
    socket.setTimeout(toConnect, () => fail(new FaultError(lateFault(address))))
    socket.once('connect', () => {
      socket.setTimeout(toAnswer)
      socket.write(`${lines.join('\n')}\n`, 'latin1')
    })
    socket.on('data', (piece) => {
      pieces.push(piece)
      size += piece.length
      if (size > ANSWERS_MOST)
        fail(new FaultError({ kind: 'io', message: `${address} answers without an end` }))
    })
    socket.once('error', (error) => fail(connectionError(address, error)))
    socket.once('end', () => resolve(Buffer.concat(pieces).toString('latin1')))
  })
}

const lateFault = (address: string): Fault => ({
  kind: 'io',
  message: `${address} does not answer`,
  hint: 'Is HAProxy stopped, or are all connections of its `stats maxconn` taken?',
})

/** Nobody listens there. */
export class AbsentError extends FaultError {}

function connectionError(address: string, error: Error): FaultError {
  const code = errnoOf(error)
  switch (code) {
    case 'ENOENT':
      return new AbsentError({
        kind: 'io',
        message: `there is no socket ${address}`,
        hint: 'Is HAProxy running, and does its file have this `stats socket`?',
      })
    case 'ECONNREFUSED':
      return new AbsentError({
        kind: 'io',
        message: `nothing listens at ${address}`,
        hint: 'Is HAProxy running?',
      })
    case 'EACCES':
    case 'EPERM':
      return new FaultError({
        kind: 'io',
        message: `the user that reconfd runs as may not connect to ${address}`,
        hint: 'Add `user`, `group` or `mode` to the `stats socket` line, such as `mode 660 group haproxy`.',
      })
    default:
      return new FaultError({
        kind: 'io',
        message: `the connection to ${address} has failed: ${code ?? 'unknown error'}`,
      })
  }
}
