// The client of the daemon's control socket.
import { connect } from 'node:net'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { ControlResponse, ControlRequest } from '../core/control.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isTooLong } from '../system/socket-path.ts'

/** Milliseconds. */
const TIMEOUT = 10_000

/** The daemon's response; undefined when no daemon listens at `path`. */
export async function ask(
  path: string,
  question: ControlRequest,
): Promise<Result<ControlResponse | undefined, Fault>> {
  if (isTooLong(path)) return ok(undefined)
  const socket = connect(path)
  socket.setTimeout(TIMEOUT, () => socket.destroy(new Error('the daemon does not answer')))
  socket.write(`${JSON.stringify(question)}\n`)
  try {
    let text = ''
    for await (const data of socket.setEncoding('utf8')) text += data as string
    return ok(JSON.parse(text) as ControlResponse)
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(errnoOf(error))) return ok(undefined)
    const message = `cannot query the daemon at ${path}`
    if (error instanceof SyntaxError) {
      const hint = 'the daemon stopped while answering, or runs another version; try again'
      return err({ kind: 'io', message: `${message}: incomplete response`, hint })
    }
    const hint =
      errnoOf(error) === 'EACCES' ? 'run this as the user that runs reconfd, or as root' : undefined
    return err(ioFault(message, error, hint))
  }
}
