// Environment variables, byte for byte. Node decodes them as UTF-8 and puts U+FFFD for what is not.
import { readFileSync } from 'node:fs'
import { decodeValue } from '../core/bytes.ts'

/** The variable's value as core/bytes.ts has text; undefined when it is not set. */
export function variable(name: string): string | undefined {
  // `process.env` inherits from Object: `constructor` is not a variable.
  const value = Object.hasOwn(process.env, name) ? process.env[name] : undefined
  return value?.includes('\ufffd') === true ? exactly(name, value) : value
}

/** All variables, as variable() has them. */
export const environment = (): Readonly<Record<string, string | undefined>> =>
  Object.fromEntries(Object.keys(process.env).map((name) => [name, variable(name)]))

/**
 * The value that the process was started with, if Node shows it as `shown`. Without /proc the bytes
 * cannot be had, and U+FFFD stays.
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
