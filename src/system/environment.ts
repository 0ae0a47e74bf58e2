// Environment variables, byte for byte. Node itself decodes them as UTF-8 and replaces invalid bytes with U+FFFD.
import { readFileSync } from 'node:fs'
import { decodeValue } from '../core/bytes.ts'

/** The value of a variable, decoded by core/bytes.ts; undefined if it is not set. */
export function variable(name: string): string | undefined {
  // `process.env` inherits from Object, so without this check `constructor` would count as a variable.
  const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined
  return value?.includes('\ufffd') === true ? exactly(name, value) : value
}

/** All variables, decoded like variable(). */
export const environment = (): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(Object.keys(process.env).map((name) => [name, variable(name)]))

/**
 * Decodes a variable again, from its original bytes, if it has not changed since the start of the process. Otherwise,
 * or without /proc, returns `shown`, the value that Node has decoded.
 */
function exactly(name: string, shown: string): string {
  const start = `${name}=`
  for (const line of startedWith()) {
    const text = line.toString()
    if (text === start + shown) return decodeValue(line).slice(start.length)
  }
  return shown
}

function* startedWith(): Generator<Buffer> {
  let bytes: Buffer
  try {
    bytes = readFileSync('/proc/self/environ')
  } catch {
    return
  }
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at)
    yield bytes.subarray(at, end < 0 ? bytes.length : end)
    at = end < 0 ? bytes.length : end + 1
  }
}
