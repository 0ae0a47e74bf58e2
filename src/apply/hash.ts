// The short hash by which the log and the status tell one content of a file from another.
import { createHash } from 'node:crypto'

/** The first 12 hexadecimal digits of the SHA-256. */
export const hashOf = (bytes: Uint8Array): string =>
  createHash('sha256').update(bytes).digest('hex').slice(0, 12)
