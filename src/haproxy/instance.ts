// Reads the state of one running HAProxy through its socket, and executes the commands that change its servers.
import { raise } from '../core/fault.ts'
import type { ServerChange } from './change.ts'
import { sendCommands } from './client.ts'
import { infoOf, serversOf, type ProcessInfo } from './process.ts'
import type { HaproxyConfig } from './sections.ts'
import {
  isAble,
  optionsToAdd,
  type RunningServer,
  type Server,
  type ServerAddress,
} from './server.ts'

export interface HaproxyInstance extends ProcessInfo {
  /** Empty on a release that cannot change servers at run time. */
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, RunningServer>>
}

/** @throws FaultError */
export async function identify(socket: string): Promise<ProcessInfo> {
  const [answer = ''] = await sendCommands(socket, ['show info'])
  return infoOf(answer) ?? raise('io', `${socket} does not answer like HAProxy`)
}

/**
 * @param file the configuration that the process is expected to have
 * @throws FaultError
 */
export async function readInstance(socket: string, file: HaproxyConfig): Promise<HaproxyInstance> {
  const [about = '', state = ''] = await sendCommands(socket, ['show info', 'show servers state'])
  const info = infoOf(about) ?? raise('io', `${socket} does not answer like HAProxy`)
  const backends = serversOf(state, file)
  if (backends === undefined && isAble(info.version)) raise('io', refusalText(socket, state))
  return { ...info, backends: backends ?? new Map() }
}

/** Executes the changes in order. @throws FaultError if a change is refused */
export async function applyChanges(
  socket: string,
  changes: readonly ServerChange[],
): Promise<void> {
  // Removes servers only after all other changes have succeeded.
  const isLast = ({ kind }: ServerChange): boolean => kind === 'remove'
  for (const part of [changes.filter((one) => !isLast(one)), changes.filter(isLast)]) {
    const commands = part.flatMap(commandsFor)
    if (commands.length === 0) continue
    const answers = await sendCommands(socket, commands)
    commands.forEach((command, at) => {
      const answer = answers[at] ?? ''
      if (!isDone(command, answer))
        raise('io', `${commandName(command)}: ${refusalText(socket, answer)}`)
    })
  }
}

/** Describes a refusal. Truncates HAProxy's answer, because the answer may quote the file. */
function refusalText(socket: string, answer: string): string {
  if (/permission denied/i.test(answer))
    return `${socket} lacks level admin (\`stats socket ${socket} level admin\`)`
  const [line = ''] = answer.split('\n')
  return line === ''
    ? 'HAProxy did not answer'
    : `HAProxy answered ${JSON.stringify(line.slice(0, 120))}`
}

const commandName = (command: string): string => command.split(' ', 3).join(' ')

function isDone(command: string, answer: string): boolean {
  if (command.startsWith('add server')) return answer.includes('New server registered.')
  if (command.includes(' addr ')) return /changed from|no need to change/.test(answer)
  return answer === ''
}

function commandsFor(change: ServerChange): readonly string[] {
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

/** Returns the commands that add a server. HAProxy adds a server in maintenance, with its checks off. */
function addition(id: string, { address, port }: ServerAddress, server: Server): readonly string[] {
  const { options, weight, isDisabled } = server
  const host = address.includes(':') ? `[${address}]` : address
  const words = [...optionsToAdd(options)].flatMap(([name, value]) =>
    value === '' ? [name] : [name, value],
  )
  if (weight !== 1) words.push('weight', String(weight))
  return [
    ['add server', id, `${host}:${port}`, ...words].join(' '),
    ...(isDisabled ? [] : readiness(id, server)),
  ]
}

/** Returns the commands that make a server ready. The commands do not affect checks that are already running. */
function readiness(id: string, { options }: Server): readonly string[] {
  const hasAgent = options.has('agent-check')
  return [
    ...(options.has('check') ? [`enable health ${id}`] : []),
    ...(hasAgent ? [`enable agent ${id}`] : []),
    `set server ${id} state ready`,
    ...(hasAgent ? [`set server ${id} agent up`] : []),
  ]
}
