// Converts a byte offset of a template to the line, column and frame of a fault.
import { codeFrame, type Fault } from '../../core/fault.ts'
import { forMessage } from '../bytes.ts'

/** A template fault at a byte offset of the source. */
export function faultAt(source: string, file: string, at: number, message: string): Fault {
  const before = source.slice(0, at)
  const line = before.split('\n').length
  const column = forMessage(before.slice(before.lastIndexOf('\n') + 1)).length + 1
  // A very long line is useless as a frame.
  const start = before.lastIndexOf('\n') + 1
  const end = source.indexOf('\n', at)
  const short = (end < 0 ? source.length : end) - start < 400
  const frame = short ? { frame: codeFrame(forMessage(source), line, column) } : {}
  return { kind: 'template', message: forMessage(message), file, line, column, ...frame }
}
