// One running HAProxy behind a socket: what it is like, and the commands that change its servers.
import { raise } from '../core/fault.ts'
import { ask } from './client.ts'
import type { Change } from './difference.ts'
import { infoOf, serversOf, type ProcessInfo, type RunningServer } from './process.ts'
import { isAble, type Place, type Server } from './server.ts'

export interface Instance extends ProcessInfo {
  /** None on a release that can do nothing at run time. */
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, RunningServer>>
}

/** @throws FaultError */
export async function identify(socket: string): Promise<ProcessInfo> {
  const [answer = ''] = await ask(socket, ['show info'])
  return infoOf(answer) ?? raise('io', `${socket} does not answer as HAProxy does`)
}

/** @throws FaultError */
export async function look(socket: string): Promise<Instance> {
  const [about = '', state = ''] = await ask(socket, ['show info', 'show servers state'])
  const info = infoOf(about) ?? raise('io', `${socket} does not answer as HAProxy does`)
  const backends = serversOf(state)
  if (backends === undefined && isAble(info.version)) raise('io', refusal(socket, state))
  return { ...info, backends: backends ?? new Map() }
}

/** Carries the changes out in their order. @throws FaultError when one of them is refused */
export async function carryOut(socket: string, changes: readonly Change[]): Promise<void> {
  // What is leaving goes when the others have come for certain.
  const isLast = ({ kind }: Change): boolean => kind === 'remove'
  for (const part of [changes.filter((one) => !isLast(one)), changes.filter(isLast)]) {
    const commands = part.flatMap(commandsFor)
    if (commands.length === 0) continue
    const answers = await ask(socket, commands)
    commands.forEach((command, at) => {
      const answer = answers[at] ?? ''
      if (!isDone(command, answer)) raise('io', `${nameOf(command)}: ${refusal(socket, answer)}`)
    })
  }
}

/** Answers are not shown in full: they may quote words of the file. */
function refusal(socket: string, answer: string): string {
  if (/permission denied/i.test(answer))
    return `${socket} has not the level admin (\`stats socket ${socket} level admin\`)`
  const [line = ''] = answer.split('\n')
  return line === ''
    ? 'HAProxy has not answered'
    : `HAProxy says ${JSON.stringify(line.slice(0, 120))}`
}

const nameOf = (command: string): string => command.split(' ', 3).join(' ')

function isDone(command: string, answer: string): boolean {
  if (command.startsWith('add server')) return answer.includes('New server registered.')
  if (command.includes(' addr ')) return /changed from|no need to change/.test(answer)
  return answer === ''
}

function commandsFor(change: Change): readonly string[] {
  const id = `${change.backend}/${change.name}`
  switch (change.kind) {
    case 'add':
      return addition(id, change.place, change.server)
    case 'place':
      return [`set server ${id} addr ${change.place.address} port ${change.place.port}`]
    case 'weight':
      return [`set server ${id} weight ${change.weight}`]
    case 'return':
    case 'state':
      return change.server.isDisabled
        ? [`set server ${id} state maint`]
        : readiness(id, change.server)
    case 'remove':
      return [`set server ${id} state ${change.gently ? 'drain' : 'maint'}`]
  }
}

/** An added server is in maintenance, and its checks do not run. So it stays if the file has it disabled. */
function addition(id: string, { address, port }: Place, server: Server): readonly string[] {
  const { options, weight, isDisabled } = server
  const host = address.includes(':') ? `[${address}]` : address
  const words = [...options].flatMap(([name, value]) => (value === '' ? [name] : [name, value]))
  if (weight !== 1) words.push('weight', String(weight))
  return [
    ['add server', id, `${host}:${port}`, ...words].join(' '),
    ...(isDisabled ? [] : readiness(id, server)),
  ]
}

/** Checks that run already go on. */
function readiness(id: string, { options }: Server): readonly string[] {
  const hasAgent = options.has('agent-check')
  return [
    ...(options.has('check') ? [`enable health ${id}`] : []),
    ...(hasAgent ? [`enable agent ${id}`] : []),
    `set server ${id} state ready`,
    ...(hasAgent ? [`set server ${id} agent up`] : []),
  ]
}
