// Plans the changes that bring the HAProxy processes that loaded a file up to date with its new content, and verifies
// the changes afterwards by querying each process.
import { FaultError, raise } from '../core/fault.ts'
import {
  decide,
  type ServerChange,
  type Difference,
  type Leaving,
  type ReloadReason,
} from './difference.ts'
import { configurationOf, settleAll } from './files.ts'
import { identify, readInstance, type HaproxyInstance } from './instance.ts'
import type { Departure, Loaded, Process } from './loaded.ts'
import type { HaproxyConfig } from './sections.ts'
import { isAble, serverLine } from './server.ts'

/** The planned changes to one process. */
export interface ProcessPlan {
  readonly socket: string
  readonly process: Process
  readonly difference: Difference
}

/** @throws FaultError */
export async function planFor(
  sockets: readonly string[],
  loaded: Loaded,
  content: string,
): Promise<{ readonly plans: readonly ProcessPlan[] } | { readonly reason: ReloadReason }> {
  const [base, next] = [configurationOf(loaded.content), configurationOf(content)]
  const instances = await settleAll(sockets.map((socket) => readInstance(socket, base)))
  const plans: ProcessPlan[] = []
  for (const [n, socket] of sockets.entries()) {
    const { id, version, release, backends } = instances[n] as HaproxyInstance
    const process = loaded.processes[socket]
    if (!isAble(version)) return { reason: tooOld(release) }
    if (process === undefined || process.id !== id) {
      const text = `the process at ${socket} is not the one to which the last content was applied`
      return { reason: { code: 'process', text } }
    }
    const decision = decide(base, next, { version, backends, leaving: leavingOf(process) })
    if (decision.kind === 'reload') return { reason: decision.reason }
    plans.push({ socket, process, difference: decision.difference })
  }
  return { plans }
}

/**
 * Returns why processes cannot be changed at run time if the content that they have loaded is unknown.
 * @throws FaultError if a process does not answer, so that reconfd cannot learn after a reload what it has loaded
 */
export async function whyUnknown(sockets: readonly string[]): Promise<ReloadReason> {
  const all = await settleAll(sockets.map(identify))
  const old = all.find(({ version }) => !isAble(version))
  if (old !== undefined) return tooOld(old.release)
  const text = 'the content that HAProxy has loaded is unknown until the next reload'
  return { code: 'unknown-content', text }
}

const tooOld = (release: string): ReloadReason => ({
  code: 'version',
  text: `HAProxy ${release} cannot add servers at run time`,
})

/**
 * Verifies a process after the changes to its servers and returns its socket and its new record.
 * @throws FaultError if the servers of the process differ from the file
 */
export async function verify(
  { socket, process, difference }: ProcessPlan,
  next: HaproxyConfig,
  until: number,
): Promise<readonly [string, Process]> {
  const { id, version, backends } = await readInstance(socket, next)
  if (id !== process.id) raise('io', `a new process has taken over at ${socket}`)
  const after = { id, leaving: leavingAfter(process, difference.changes, until) }
  const decision = decide(next, next, { version, backends, leaving: leavingOf(after) })
  if (decision.kind === 'reload') raise('io', decision.reason.text)
  const { changes, byHand } = decision.difference
  const touched = difference.changes.map(({ backend, name }) => `${backend}/${name}`)
  const wrong =
    changes.map(({ backend, name }) => `${backend}/${name}`)[0] ??
    byHand.find((server) => touched.includes(server))
  if (wrong !== undefined) raise('io', `${wrong} differs from the file after the change`)
  return [socket, after]
}

/** Whether another process answers now and its servers differ from the content last applied. */
export async function isReplaced(socket: string, { content, processes }: Loaded): Promise<boolean> {
  try {
    const { id } = await identify(socket)
    if (id === processes[socket]?.id) return false
    const file = configurationOf(content)
    const { version, backends } = await readInstance(socket, file)
    const decision = decide(file, file, { version, backends, leaving: new Map() })
    return decision.kind === 'reload' || decision.difference.changes.length > 0
  } catch (error) {
    // A process that does not answer is checked again later.
    if (error instanceof FaultError) return false
    throw error
  }
}

function leavingAfter(
  { leaving }: Process,
  changes: readonly ServerChange[],
  until: number,
): readonly Departure[] {
  const staying = changes.flatMap((one) =>
    one.kind === 'return' ? [`${one.backend}/${one.name}`] : [],
  )
  return [
    ...leaving.filter(({ backend, name }) => !staying.includes(`${backend}/${name}`)),
    ...changes.flatMap((one): Departure[] => {
      if (one.kind !== 'remove') return []
      const { backend, name, gently, line } = one
      return [{ backend, name, address: line.address, options: line.options, until, gently }]
    }),
  ]
}

const leavingOf = ({ leaving }: Process): ReadonlyMap<string, Leaving> =>
  new Map(
    leaving.map(({ backend, name, address, options }) => [
      `${backend}/${name}`,
      { backend, name, line: serverLine(name, address, options) },
    ]),
  )

const DONE = {
  add: (id: string) => `add ${id}`,
  return: (id: string) => `keep ${id}`,
  place: (id: string) => `move ${id}`,
  weight: (id: string) => `set the weight of ${id}`,
  state: (id: string) => `set the state of ${id}`,
  remove: (id: string) => `drain ${id}`,
} as const

export interface ChangeSummary {
  /** Descriptions such as `add web/n3`. */
  readonly changes: readonly string[]
  /** Servers whose state an operator has changed by hand. */
  readonly byHand: readonly string[]
}

export function changeSummary(plans: readonly ProcessPlan[]): ChangeSummary {
  const changes = plans.flatMap(({ difference }) =>
    difference.changes.map(({ kind, backend, name }) => DONE[kind](`${backend}/${name}`)),
  )
  const byHand = plans.flatMap(({ difference }) => difference.byHand)
  return { changes: [...new Set(changes)], byHand: [...new Set(byHand)] }
}
