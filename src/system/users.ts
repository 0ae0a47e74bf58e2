// Names of users, for messages.
import { readFileSync } from 'node:fs'

/** Describes a user, such as `user 65534 (nobody)`; without the name if /etc/passwd has none. */
export function userOf(uid: number): string {
  const name = nameOf(uid)
  return name === undefined ? `user ${uid}` : `user ${uid} (${name})`
}

function nameOf(uid: number): string | undefined {
  try {
    const lines = readFileSync('/etc/passwd', 'utf8').split('\n')
    return lines.map((line) => line.split(':')).find(([, , id]) => id === String(uid))?.[0]
  } catch {
    return undefined
  }
}
