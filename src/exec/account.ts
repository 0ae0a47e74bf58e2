// Resolves the user and group of a child to numeric ids and environment variables.
import { readFileSync } from 'node:fs'
import { err, ok, type Result } from '../core/result.ts'
import type { NotStarted } from './program.ts'

/** User and group as configured: names or numbers. */
export interface UserAndGroup {
  readonly user?: string | undefined
  readonly group?: string | undefined
}

export interface Ids {
  readonly uid?: number
  readonly gid?: number
  /** Whether the child runs as another user, and /etc/passwd lists that user, so that its groups can be looked up. */
  readonly isListed: boolean
  /** HOME, USER and LOGNAME, as login(1) sets them; empty if the child runs as reconfd's own user. */
  readonly env: Readonly<Record<string, string>>
}

/** Resolves a user and a group to ids. The group defaults to the primary group of the user. */
export function idsOf({ user, group }: UserAndGroup): Result<Ids, NotStarted> {
  const entry = user === undefined ? undefined : findEntry('/etc/passwd', user)
  const named = group === undefined ? undefined : findEntry('/etc/group', group)
  const uid = resolveId(user, entry)
  const gid = group === undefined ? Number(entry?.[3] ?? uid) : resolveId(group, named)
  if (user !== undefined && uid === undefined) return err(unknownName('user', user, '/etc/passwd'))
  if (group !== undefined && gid === undefined)
    return err(unknownName('group', group, '/etc/group'))
  const isOther = [
    [uid, process.geteuid?.()],
    [group === undefined && user === undefined ? undefined : gid, process.getegid?.()],
  ].some(([wanted, own]) => wanted !== undefined && wanted !== own)
  if (isOther && process.geteuid?.() !== 0) return err(notRoot(user, group))
  if (!isOther) return ok({ isListed: false, env: {} })
  const [name, , , , , home] = entry ?? []
  return ok({
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined || Number.isNaN(gid) ? {} : { gid }),
    isListed: entry !== undefined,
    env: name === undefined ? {} : { HOME: home ?? '/', USER: name, LOGNAME: name },
  })
}

const resolveId = (
  text: string | undefined,
  entry: readonly string[] | undefined,
): number | undefined =>
  entry === undefined ? (/^\d+$/.test(text ?? '') ? Number(text) : undefined) : Number(entry[2])

/** Finds a name or number in a file such as /etc/passwd; returns the fields of its line. */
function findEntry(file: string, wanted: string): readonly string[] | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
  const lines = text.split('\n').map((line) => line.split(':'))
  return (
    lines.find(([name]) => name === wanted) ??
    lines.find(([, , id]) => id === wanted && /^\d+$/.test(wanted))
  )
}

const unknownName = (what: string, name: string, file: string): NotStarted => ({
  fault: {
    kind: 'command',
    message: `cannot start the command: ${file} has no ${what} ${JSON.stringify(name)}`,
    hint: `create the ${what}, or correct its name in [exec]`,
  },
  exit: 126,
})

function notRoot(user: string | undefined, group: string | undefined): NotStarted {
  const whom = user === undefined ? `group ${group}` : `user ${user}`
  return {
    fault: {
      kind: 'command',
      message: `cannot start the command as ${whom}: reconfd is not running as root`,
      hint: 'run reconfd as root, or remove user and group from [exec]',
    },
    exit: 126,
  }
}
