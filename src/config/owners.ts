// Names of users and groups as ids: /etc/passwd and /etc/group first, then `getent`, which also knows
// LDAP and the like.
import { readFile } from 'node:fs/promises'

export type OwnerKind = 'passwd' | 'group'
export type ResolveOwner = (kind: OwnerKind, name: string) => Promise<number | undefined>

/** How long a directory server may take to answer, in milliseconds. */
const PATIENCE = 5000

/** A resolver that asks once for each name: for one load of conf.d. Digits are an id, as for chown(1). */
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
    execFile('getent', [kind, name], { timeout: PATIENCE }, (error, stdout) => {
      resolve(error === null ? findId(stdout, name) : undefined)
    })
  })
}

/** The third field of the line of that name: `name:password:id:...` in both files. */
function findId(text: string, name: string): number | undefined {
  for (const line of text.split('\n')) {
    const [entry, , id] = line.split(':')
    if (entry === name && id !== undefined && /^\d+$/.test(id)) return Number(id)
  }
  return undefined
}
