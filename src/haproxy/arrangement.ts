// Decides whether a section as a whole permits its changes at run time: whether its balance algorithm accepts other
// servers and weights, and whether the servers have the order of the file where the order matters. Pure.
import { dependsOnOrder, hasServerWithoutId, isDynamic, numbersServers } from './balance.ts'
import type { ReloadReason, ServerChange } from './difference.ts'
import type { ServerSection } from './sections.ts'
import { refusedOn, type ReleaseVersion } from './server.ts'

/** The servers of a section in a running HAProxy, in order. */
type RunningNames = Pick<ReadonlyMap<string, unknown>, 'has' | 'keys'>

/** Returns why the changes to a section need a reload; undefined if they do not. */
export function whyReload(
  before: ServerSection,
  after: ServerSection,
  changes: readonly ServerChange[],
  running: RunningNames,
  version: ReleaseVersion,
): ReloadReason | undefined {
  const { name, terms } = after
  const isRearranged = changes.some(({ kind }) => kind === 'add' || kind === 'remove')
  const isWeighed = changes.some(({ kind }) => kind === 'weight')
  const because = (code: string, text: string): ReloadReason => ({ code, text: `${name} ${text}` })
  if (isRearranged || isWeighed) {
    if (terms.doubt !== undefined) return because('doubt', terms.doubt)
    if (!isDynamic(terms))
      return because('balance', 'has a static balance algorithm, which fixes servers and weights')
  }
  if (isRearranged) {
    // Releases up to 3.2 crash when a server with external checks is added.
    if (terms.hasExternalChecks)
      return because(
        'checks',
        'has external checks, which HAProxy cannot start or stop at run time',
      )
    if (terms.hasDynamicCookies && refusedOn(version, COOKIE).length > 0)
      return because('options', 'has dynamic cookies, which HAProxy does not compute at run time')
    if (after.hasTemplate)
      return because('server-template', 'has a server-template in addition to its servers')
    if (terms.mode !== 'http' && terms.mode !== 'tcp')
      return because('mode', `has mode ${terms.mode}`)
    if (numbersServers(terms) && [before, after].some(hasServerWithoutId))
      return because('ids', 'balances by server id, and not every server has an id')
  }
  if (dependsOnOrder(terms) && namesOf(before) !== namesOf(after) && hasServerWithoutId(after))
    return because('order', 'balances by the order of its servers, and this order changes')
  const unordered = groupsOf(after).find(({ names }) => !hasOrder(running, names))
  if (unordered === undefined) return undefined
  return { code: 'order', text: `the order of ${unordered.what} of ${name} changes` }
}

const COOKIE = new Map([['cookie', '']])

const namesOf = ({ servers }: ServerSection): string => [...servers.keys()].join()

interface ServerGroup {
  readonly what: string
  readonly names: readonly string[]
}

/** Returns the groups of servers of which HAProxy uses the first usable one, so that their order matters. */
function groupsOf({ servers, terms }: ServerSection): readonly ServerGroup[] {
  const backups: string[] = []
  const byCookie = new Map<string, string[]>()
  for (const { name, server } of servers.values()) {
    if (!terms.usesAllBackups && server.options.has('backup')) backups.push(name)
    const cookie = server.options.get('cookie')
    if (cookie === undefined) continue
    const names = byCookie.get(cookie)
    if (names === undefined) byCookie.set(cookie, [name])
    else names.push(name)
  }
  const sharing = [...byCookie.values()].map((names) => ({
    what: 'the servers with the same cookie',
    names,
  }))
  return [{ what: 'the backups', names: backups }, ...sharing]
}

/** Whether the process will have these servers in this order. It appends added servers. */
function hasOrder(running: RunningNames, wanted: readonly string[]): boolean {
  if (wanted.length < 2) return true
  const names = new Set(wanted)
  const present = [...running.keys()].filter((name) => names.has(name))
  const added = wanted.filter((name) => !running.has(name))
  return [...present, ...added].join() === wanted.join()
}
