// The log: each event as one line for people, with its level and its fields for machines. What repeats itself
// while a store is away is reported once, and then at debug only.
import { printable } from '../core/escape.ts'
import { briefly } from '../core/fault.ts'
import type { LogLevel } from '../core/settings.ts'
import { counted, duration } from '../core/words.ts'
import type { Described, Level } from '../observe/describe/told.ts'
import { isLogged, lineIn, type Style } from '../observe/lines.ts'
import type { EmitRegister, RegisterEvent } from './event.ts'
import { hostAndPort, nameOf } from './service.ts'

export interface LogOptions {
  readonly level: LogLevel
  readonly style: Style
  /** Takes one line without its line break. */
  readonly write: (line: string) => void
}

export function createLog({ level, style, write }: LogOptions): EmitRegister {
  const line = lineIn(style)
  const away = new Map<string, Set<string>>()
  return (event) => {
    const described = describe(event)
    const quiet = repeats(event, away)
    const told = quiet ? { ...described, level: 'debug' as const } : described
    if (isLogged(told.level, level)) write(line(new Date(), told))
  }
}

/** Whether a store or a source is away for a reason that has been reported since it was live. */
function repeats(event: RegisterEvent, away: Map<string, Set<string>>): boolean {
  const isStore = event.kind === 'store-live' || event.kind === 'store-away'
  const name = isStore ? event.store : 'source' in event ? event.source : ''
  if (event.kind === 'store-live' || event.kind === 'source-live') away.delete(name)
  if (event.kind !== 'store-away' && event.kind !== 'source-away') return false
  const reasons = away.get(name) ?? new Set<string>()
  const isOld = reasons.has(event.fault.message)
  away.set(name, reasons.add(event.fault.message))
  return isOld
}

const again = (ms: number | null): string =>
  ms === null ? '' : ms === 0 ? '; trying the next node' : `; next try in ${duration(ms)}`

export function describe(event: RegisterEvent): Described {
  const line = (
    level: Level,
    about: string,
    message: string,
    fields: Record<string, unknown> = {},
  ): Described => ({
    level,
    // Names are chosen by whoever starts containers.
    about: printable(about),
    message,
    fields: { event: event.kind, ...fields },
  })
  switch (event.kind) {
    case 'started': {
      const { version, to, sources, address } = event
      const what = sources.join(', ')
      const message = `reconfd ${version}: registering ${what} in ${to}; our address is ${address}`
      return line('info', '', message, { version, to, sources, address })
    }
    case 'notice':
      return line(event.level, '', event.message)
    case 'command':
      return line(event.level, 'command', event.message)
    case 'stopping':
      return line('info', '', `stopping: ${event.reason}`, { reason: event.reason })
    case 'store-live': {
      const { store, node, ours } = event
      const held = ours === 0 ? '' : `, holds ${counted(ours, 'entry', 'entries')} of ours`
      return line('info', store, `connected to ${node}${held}`, { node, entries: ours })
    }
    case 'store-away': {
      const { store, node, fault, retryIn } = event
      return line('warn', store, `${briefly(fault)}${again(retryIn)}`, { node, retryIn })
    }
    case 'lost':
      return line('warn', event.store, `${event.what} is gone: registering everything again`)
    case 'registered': {
      const { service, key, changed } = event
      const message = `${changed ? 'updated' : 'registered'} ${printable(key)} at ${hostAndPort(service)}`
      return line('info', nameOf(service), message, { key, changed })
    }
    case 'deregistered':
      return line('info', '', `deregistered ${printable(event.key)}`, { key: event.key })
    case 'refused': {
      const { service, key, fault } = event
      return line('warn', nameOf(service), briefly(fault), { key })
    }
    case 'renewed':
      return line('debug', '', `renewed ${event.entries} entries`, { entries: event.entries })
    case 'source-live':
      return line('info', event.source, counted(event.services, 'service'), {
        services: event.services,
      })
    case 'source-away':
      return line('warn', event.source, `${briefly(event.fault)}${again(event.retryIn)}`)
    case 'ignored':
      return line(event.level, event.about, event.why)
    case 'checked':
      return line('debug', '', event.passed ? 'a check passed' : 'a check failed')
    case 'health': {
      const { service, healthy, why } = event
      const message = healthy ? 'healthy again' : `unhealthy: ${why}`
      return line(healthy ? 'info' : 'warn', nameOf(service), message, { healthy })
    }
  }
}
