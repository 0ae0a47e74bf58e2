// The log of a registrar: formats each event as one line, with structured fields for JSON. Repeated failures
// of a store or source are logged once, then at debug level.
import { printable } from '../core/escape.ts'
import { briefly } from '../core/fault.ts'
import type { LogLevel } from '../core/settings.ts'
import { counted, duration } from '../core/words.ts'
import type { Described, Level } from '../observe/describe/description.ts'
import { isLogged, lineIn, type Style } from '../observe/lines.ts'
import type { EmitRegister, RegisterEvent } from './event.ts'
import { hostAndPort, serviceLabel } from './service.ts'

export interface RegisterLogOptions {
  readonly level: LogLevel
  readonly style: Style
  /** Receives one line without its line break. */
  readonly write: (line: string) => void
}

export function createRegisterLog({ level, style, write }: RegisterLogOptions): EmitRegister {
  const line = lineIn(style)
  const away = new Map<string, Set<string>>()
  return (event) => {
    const described = describeRegisterEvent(event)
    const quiet = repeats(event, away)
    const entry = quiet ? { ...described, level: 'debug' as const } : described
    if (isLogged(entry.level, level)) write(line(new Date(), entry))
  }
}

/** Whether a failure with this message was already logged since the store or source was last live. */
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

const retryText = (ms: number | null): string =>
  ms === null ? '' : ms === 0 ? '; trying the next node' : `; next try in ${duration(ms)}`

export function describeRegisterEvent(event: RegisterEvent): Described {
  const line = (
    level: Level,
    about: string,
    message: string,
    fields: Record<string, unknown> = {},
  ): Described => ({
    level,
    // Names come from containers and are hostile input.
    about: printable(about),
    message,
    fields: () => ({ event: event.kind, ...fields }),
  })
  switch (event.kind) {
    case 'started': {
      const { version, to, sources, address } = event
      const what = sources.join(', ')
      const message = `reconfd ${version}: registering ${what} in ${to} with address ${address}`
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
      const found = ours === 0 ? '' : `, found ${counted(ours, 'own entry', 'own entries')}`
      return line('info', store, `connected to ${node}${found}`, { node, entries: ours })
    }
    case 'store-away': {
      const { store, node, fault, retryIn } = event
      return line('warn', store, `${briefly(fault)}${retryText(retryIn)}`, { node, retryIn })
    }
    case 'lost':
      return line('warn', event.store, `${event.what} has expired; registering everything again`)
    case 'registered': {
      const { service, key, changed } = event
      const message = `${changed ? 'updated' : 'registered'} ${printable(key)} at ${hostAndPort(service)}`
      return line('info', serviceLabel(service), message, { key, changed })
    }
    case 'deregistered':
      return line('info', '', `deregistered ${printable(event.key)}`, { key: event.key })
    case 'refused': {
      const { service, key, fault } = event
      return line('warn', serviceLabel(service), briefly(fault), { key })
    }
    case 'renewed':
      return line('debug', '', `renewed ${event.entries} entries`, { entries: event.entries })
    case 'source-live':
      return line('info', event.source, counted(event.services, 'service'), {
        services: event.services,
      })
    case 'source-away':
      return line('warn', event.source, `${briefly(event.fault)}${retryText(event.retryIn)}`)
    case 'ignored':
      return line(event.level, event.about, event.why)
    case 'checked':
      return line('debug', '', event.passed ? 'a check passed' : 'a check failed')
    case 'health': {
      const { service, healthy, why } = event
      const message = healthy ? 'healthy again' : `unhealthy: ${why}`
      return line(healthy ? 'info' : 'warn', serviceLabel(service), message, { healthy })
    }
  }
}
