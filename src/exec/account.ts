// Whom a child runs as: names become numbers, with the groups that go with them.
import { readFileSync } from 'node:fs'
import { err, ok, type Result } from '../core/result.ts'
import type { NotStarted } from './program.ts'

/** As it is configured: names or numbers. */
export interface Account {
  readonly user?: string | undefined
  readonly group?: string | undefined
}

export interface Ids {
  readonly uid?: number
  readonly gid?: number
  /** /etc/passwd has the user: its further groups are known. */
  readonly isListed: boolean
  /** What login sets: HOME, USER, LOGNAME. */
  readonly env: Readonly<Record<string, string>>
}

/** The user's own group goes with it, unless another one is named. */
export function idsOf({ user, group }: Account): Result<Ids, NotStarted> {
  const entry = user === undefined ? undefined : entryOf('/etc/passwd', user)
  const named = group === undefined ? undefined : entryOf('/etc/group', group)
  const uid = numberOf(user, entry)
  const gid = group === undefined ? Number(entry?.[3] ?? uid) : numberOf(group, named)
  if (user !== undefined && uid === undefined) return err(unknown('user', user, '/etc/passwd'))
  if (group !== undefined && gid === undefined) return err(unknown('group', group, '/etc/group'))
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

const numberOf = (
  text: string | undefined,
  entry: readonly string[] | undefined,
): number | undefined =>
  entry === undefined ? (/^\d+$/.test(text ?? '') ? Number(text) : undefined) : Number(entry[2])

/** The fields of the line of a name or number. */
function entryOf(file: string, wanted: string): readonly string[] | undefined {
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

const unknown = (what: string, name: string, file: string): NotStarted => ({
  fault: {
    kind: 'command',
    message: `the command cannot be started: there is no ${what} ${JSON.stringify(name)} in ${file}`,
    hint: `Create the ${what}, or correct its name.`,
  },
  exit: 126,
})

function notRoot(user: string | undefined, group: string | undefined): NotStarted {
  const whom = user === undefined ? `group ${group}` : `user ${user}`
  return {
    fault: {
      kind: 'command',
      message: `the command cannot be started as ${whom}: reconfd does not run as root`,
      hint: 'Run reconfd as root, or leave out user and group.',
    },
    exit: 126,
  }
}
