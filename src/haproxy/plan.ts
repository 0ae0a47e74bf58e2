// What is to be done with the processes of a file, and whether it has been done: both by a look at each of them.
import { raise } from '../core/fault.ts'
import { decide, type Change, type Difference, type Leaving, type Reason } from './difference.ts'
import { configurationOf, settleAll } from './files.ts'
import { look, type Instance } from './instance.ts'
import type { Departure, Loaded, Process } from './loaded.ts'
import type { Configuration } from './sections.ts'
import { isAble } from './server.ts'

/** What is to be done with one process. */
export interface Plan {
  readonly socket: string
  readonly process: Process
  readonly difference: Difference
}

/** @throws FaultError */
export async function planFor(
  sockets: readonly string[],
  loaded: Loaded,
  content: string,
): Promise<{ readonly plans: readonly Plan[] } | { readonly reason: Reason }> {
  const instances = await settleAll(sockets.map((socket) => look(socket)))
  const [base, next] = [configurationOf(loaded.content), configurationOf(content)]
  const plans: Plan[] = []
  for (const [n, socket] of sockets.entries()) {
    const { id, version, release, backends } = instances[n] as Instance
    const process = loaded.processes[socket]
    if (!isAble(version)) {
      return {
        reason: { code: 'version', text: `HAProxy ${release} cannot add servers at run time` },
      }
    }
    if (process === undefined || process.id !== id) {
      const text = `another process answers at ${socket} than the one that was brought to the last content`
      return { reason: { code: 'process', text } }
    }
    const decision = decide(base, next, { version, backends, leaving: leavingOf(process) })
    if (decision.kind === 'reload') return { reason: decision.reason }
    plans.push({ socket, process, difference: decision.difference })
  }
  return { plans }
}

/**
 * The process as it is after its changes.
 * @throws FaultError when it is not as the file says
 */
export async function proved(
  { socket, process, difference }: Plan,
  next: Configuration,
  until: number,
): Promise<readonly [string, Process]> {
  const { id, version, backends } = await look(socket)
  if (id !== process.id) raise('io', `another process has taken over at ${socket}`)
  const after = { id, leaving: leavingAfter(process, difference.changes, until) }
  const decision = decide(next, next, { version, backends, leaving: leavingOf(after) })
  if (decision.kind === 'reload') raise('io', decision.reason.text)
  const { changes, byHand } = decision.difference
  const touched = difference.changes.map(({ backend, name }) => `${backend}/${name}`)
  const wrong =
    changes.map(({ backend, name }) => `${backend}/${name}`)[0] ??
    byHand.find((server) => touched.includes(server))
  if (wrong !== undefined) raise('io', `${wrong} is not as the file says after it was changed`)
  return [socket, after]
}

function leavingAfter(
  { leaving }: Process,
  changes: readonly Change[],
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
      { backend, name, line: { name, address, options, isUncertain: false } },
    ]),
  )

const DONE = {
  add: (id: string) => `add ${id}`,
  return: (id: string) => `keep ${id}`,
  place: (id: string) => `move ${id}`,
  weight: (id: string) => `weigh ${id}`,
  state: (id: string) => `set the state of ${id}`,
  remove: (id: string) => `drain ${id}`,
} as const

export interface Summary {
  /** In words, such as `add web/n3`. */
  readonly changes: readonly string[]
  /** Servers that stay as somebody has set them. */
  readonly byHand: readonly string[]
}

export function summaryOf(plans: readonly Plan[]): Summary {
  const changes = plans.flatMap(({ difference }) =>
    difference.changes.map(({ kind, backend, name }) => DONE[kind](`${backend}/${name}`)),
  )
  const byHand = plans.flatMap(({ difference }) => difference.byHand)
  return { changes: [...new Set(changes)], byHand: [...new Set(byHand)] }
}
