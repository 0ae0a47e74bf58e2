// Describes each event as one message, with its level and its fields for JSON.
// Levels: debug for routine work, info for changes to the machine, warn for problems that need attention soon, error
// for problems that need attention now.
import { printableText } from '../core/escape.ts'
import type { Event, EventOf } from '../core/event.ts'
import type { LogLevel } from '../core/settings.ts'
import { describeChild } from './describe/child.ts'
import { describeFiles } from './describe/files.ts'
import { describeProgram } from './describe/program.ts'
import { describeReloads } from './describe/reloads.ts'
import { describeStores } from './describe/stores.ts'
import type { Described, Description } from './describe/description.ts'
import { isLogged } from './lines.ts'

type Describers = {
  readonly [K in Event['kind']]: (event: EventOf<K>, debug: boolean) => Description
}

const TABLE: Describers = {
  ...describeProgram,
  ...describeChild,
  ...describeStores,
  ...describeFiles,
  ...describeReloads,
}

/**
 * @param least the -log-level; at debug, the output of successful commands is included. The output of failed commands
 *   is in the fault.
 * @returns undefined if the event is not logged at this level
 */
export function describeEvent(event: Event, least: LogLevel): Described | undefined {
  const describe = TABLE[event.kind] as (event: Event, debug: boolean) => Description
  const { level, about = '', message, fields } = describe(event, least === 'debug')
  if (!isLogged(level, least)) return undefined
  return {
    level,
    about,
    message: printableText(message),
    fields: () => ({ event: event.kind, ...(fields ?? fieldsOf(event)) }),
  }
}

/** Members that are not logged as fields, because they are too long or already part of the line. */
const LEFT_OUT = new Set(['kind', 'level', 'message', 'reads', 'cause', 'uses', 'causes'])

/** The logged members of an event, including those of a command's result. */
function fieldsOf(event: Event): Record<string, unknown> {
  const members = Object.entries(event).filter(([name]) => !LEFT_OUT.has(name))
  const { result, ...fields } = Object.fromEntries(members) as Record<string, unknown>
  return { ...fields, ...(result as object | undefined) }
}
