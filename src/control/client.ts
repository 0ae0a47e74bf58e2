// Asks the daemon at its control socket.
import { connect } from 'node:net'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Answer, Question } from '../core/control.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import { isTooLong } from '../system/socket-path.ts'

/** Milliseconds. */
const PATIENCE = 10_000

/** The answer; undefined when no daemon listens there. */
export async function ask(
  path: string,
  question: Question,
): Promise<Result<Answer | undefined, Fault>> {
  if (isTooLong(path)) return ok(undefined)
  const socket = connect(path)
  socket.setTimeout(PATIENCE, () => socket.destroy(new Error('the daemon does not answer')))
  socket.write(`${JSON.stringify(question)}\n`)
  try {
    let text = ''
    for await (const data of socket.setEncoding('utf8')) text += data as string
    return ok(JSON.parse(text) as Answer)
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(errnoOf(error))) return ok(undefined)
    const message = `cannot ask the daemon at ${path}`
    if (error instanceof SyntaxError) {
      const hint = 'It was stopped while it answered, or is of another version.'
      return err({ kind: 'io', message: `${message}: it broke off`, hint })
    }
    const hint =
      errnoOf(error) === 'EACCES' ? 'Ask as the user that runs reconfd, or as root.' : undefined
    return err(ioFault(message, error, hint))
  }
}
