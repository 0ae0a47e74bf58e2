// Resolves users and groups to ids: with /etc/passwd and /etc/group first, then with `getent`, which also queries
// LDAP and other sources.
import { readFile } from 'node:fs/promises'

export type OwnerKind = 'passwd' | 'group'
export type ResolveOwner = (kind: OwnerKind, name: string) => Promise<number | undefined>

/** Timeout of getent, in milliseconds. getent may query a directory server. */
const GETENT_TIMEOUT = 5000

/**
 * Creates a resolver with a cache for one load of conf.d. A name that consists of digits counts as an id unless the
 * files in /etc contain it, as for chown(1).
 */
export function createOwnerResolver(): ResolveOwner {
  const asked = new Map<string, Promise<number | undefined>>()
  return (kind, name) => {
    const id = `${kind}:${name}`
    const answer = asked.get(id) ?? resolveOwner(kind, name)
    asked.set(id, answer)
    return answer
  }
}

async function resolveOwner(kind: OwnerKind, name: string): Promise<number | undefined> {
  const local = await readFile(`/etc/${kind}`, 'utf8').catch(() => '')
  const found = findId(local, name)
  if (found !== undefined) return found
  if (/^\d{1,9}$/.test(name)) return Number(name)
  if (!/^[\w.][\w.@\\$-]*$/.test(name)) return undefined
  const { execFile } = await import('node:child_process')
  return new Promise((resolve) => {
    execFile('getent', [kind, name], { timeout: GETENT_TIMEOUT }, (error, stdout) => {
      resolve(error === null ? findId(stdout, name) : undefined)
    })
  })
}

/** Returns the id of a name from lines of the form `name:password:id:...`. */
function findId(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [entry, , id] = line.split(':')
    if (entry === name && id !== undefined && /^\d+$/.test(id)) return Number(id)
  }
  return undefined
}
