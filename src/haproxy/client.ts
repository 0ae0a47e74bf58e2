// A client of HAProxy's Runtime API (management guide, 9.3). Each batch of commands uses one connection in
// interactive mode, whose prompt separates the answers.
import { connect } from 'node:net'
import { errnoOf } from '../core/errno.ts'
import { FaultError, raise, type Fault } from '../core/fault.ts'
import { Chunks } from '../system/chunks.ts'

export interface Timeouts {
  /** Milliseconds to connect. */
  readonly connect: number
  /** Maximum milliseconds between two chunks of an answer. */
  readonly answer: number
  /** Milliseconds for the whole batch. */
  readonly whole: number
}

export const TIMEOUTS: Timeouts = { connect: 2000, answer: 3000, whole: 20_000 }
/** Maximum bytes of all answers together; 5,000 servers take about 800 KB. */
const MAX_ANSWERS = 32 * 1024 * 1024
const PROMPT = '\n> '
const [LINE_FEED, PROMPT_SIGN, BLANK] = [0x0a, 0x3e, 0x20]

/** @param address a path, or `host:port` with an IPv6 host in brackets */
const targetOf = (address: string) => {
  if (address.startsWith('/')) return { path: address }
  const [, host = '', port] = /^(.*):(\d+)$/.exec(address) ?? []
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

/**
 * Sends commands, one per line. A command must not contain a line break or `;`.
 * @returns the trimmed answer to each command
 * @throws FaultError unless all commands were answered
 */
export async function sendCommands(
  address: string,
  commands: readonly string[],
  patience: Timeouts = TIMEOUTS,
): Promise<readonly string[]> {
  const bytes = await converse(address, ['prompt', ...commands, 'quit'], patience)
  // HAProxy writes a prompt before each command, including `quit`.
  const [before = '', ...answers] = answersIn(bytes)
  if (before !== '') raise('io', `${address} is not an HAProxy Runtime API`, NOT_HAPROXY)
  if (answers.length <= commands.length) {
    raise('io', `${address} closed the connection before the last answer`)
  }
  return answers.slice(0, commands.length)
}

/**
 * Returns the output before, between and after the prompts, trimmed. Decodes each piece separately, because V8 parses
 * such strings faster than slices of one large string.
 */
function answersIn(bytes: Buffer): readonly string[] {
  const answers: string[] = []
  for (let from = 0; ;) {
    const prompt = promptIn(bytes, from)
    let end = prompt < 0 ? bytes.length : prompt
    const next = end + PROMPT.length
    while (from < end && isBlank(bytes[from])) from++
    while (end > from && isBlank(bytes[end - 1])) end--
    // Decoded as Latin-1, because a configuration may contain any byte.
    answers.push(bytes.toString('latin1', from, end).replace(SEVERITY, ''))
    if (prompt < 0) return answers
    from = next
  }
}

/** Returns the position of the next prompt, or -1. A search for one byte is many times faster than one for a string. */
function promptIn(bytes: Buffer, from: number): number {
  for (let at = from; (at = bytes.indexOf(PROMPT_SIGN, at)) >= 0; at++) {
    if (at > from && bytes[at - 1] === LINE_FEED && bytes[at + 1] === BLANK) return at - 1
  }
  return -1
}

/** Precedes an answer if the `stats socket` has a `severity-output`: `[6]: ` or `[info]: `. */
const SEVERITY = /^\[(\d|[a-z]+)\]: ?/

const isBlank = (byte = 0): boolean => byte === BLANK || (byte >= 0x09 && byte <= 0x0d)

const NOT_HAPROXY = {
  hint: 'set `socket` below [template.haproxy] to a `stats socket` of HAProxy',
} as const

/** Returns everything received until HAProxy closes the connection. */
function converse(
  address: string,
  lines: readonly string[],
  { connect: toConnect, answer: toAnswer, whole }: Timeouts,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(targetOf(address))
    const received = new Chunks()
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
    socket.on('data', (chunk) => {
      received.add(chunk)
      if (received.length > MAX_ANSWERS)
        fail(new FaultError({ kind: 'io', message: `the answer from ${address} is too long` }))
    })
    socket.once('error', (error) => fail(connectionError(address, error)))
    socket.once('end', () => resolve(received.take()))
  })
}

const lateFault = (address: string): Fault => ({
  kind: 'io',
  message: `${address} does not answer`,
  hint: 'check that HAProxy is not suspended, and that its `stats maxconn` is not used up',
})

/** Thrown if no process listens on the socket. */
export class AbsentError extends FaultError {}

function connectionError(address: string, error: Error): FaultError {
  const code = errnoOf(error)
  switch (code) {
    case 'ENOENT':
      return new AbsentError({
        kind: 'io',
        message: `the socket ${address} is missing`,
        hint: 'check that HAProxy is running and that its configuration has this `stats socket`',
      })
    case 'ECONNREFUSED':
      return new AbsentError({
        kind: 'io',
        message: `nothing is listening at ${address}`,
        hint: 'check that HAProxy is running',
      })
    case 'EACCES':
    case 'EPERM':
      return new FaultError({
        kind: 'io',
        message: `permission denied: reconfd's user is not allowed to connect to ${address}`,
        hint: 'add `user`, `group` or `mode` to the `stats socket` line, such as `mode 660 group haproxy`',
      })
    default:
      return new FaultError({
        kind: 'io',
        message: `the connection to ${address} failed: ${code ?? 'unknown error'}`,
      })
  }
}
