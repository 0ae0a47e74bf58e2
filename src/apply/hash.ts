// The short hash that identifies the content of a file in the log and the status.
import { createHash } from 'node:crypto'

/** The first 12 hexadecimal digits of the SHA-256. */
export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 12)
