// Each event as one message for people, with its level and its fields for machines.
// Levels: debug is what happens all the time, info what changes the machine, warn what needs an eye
// soon, error what needs one now.
import { printableText } from '../core/escape.ts'
import type { Event, EventOf } from '../core/event.ts'
import { describeChild } from './describe/child.ts'
import { describeFiles } from './describe/files.ts'
import { describeProgram } from './describe/program.ts'
import { describeReloads } from './describe/reloads.ts'
import { describeStores } from './describe/stores.ts'
import type { Described, Told } from './describe/told.ts'

type Table = { readonly [K in Event['kind']]: (event: EventOf<K>, debug: boolean) => Told }

const TABLE: Table = {
  ...describeProgram,
  ...describeChild,
  ...describeStores,
  ...describeFiles,
  ...describeReloads,
}

/**
 * @param debug whether the output of commands that succeeded is wanted; that of a command that failed is in
 * the fault
 */
export function describe(event: Event, debug: boolean): Described {
  const tell = TABLE[event.kind] as (event: Event, debug: boolean) => Told
  const { level, about = '', message, fields } = tell(event, debug)
  return {
    level,
    about,
    message: printableText(message),
    fields: { event: event.kind, ...(fields ?? fieldsOf(event)) },
  }
}

/** Members that are for other listeners: too long for a line, or part of the line already. */
const LEFT_OUT = new Set(['kind', 'level', 'message', 'reads', 'cause', 'uses', 'causes'])

/** The members of an event, those of a command's result among them. */
function fieldsOf(event: Event): Record<string, unknown> {
  const members = Object.entries(event).filter(([name]) => !LEFT_OUT.has(name))
  const { result, ...fields } = Object.fromEntries(members) as Record<string, unknown>
  return { ...fields, ...(result as object | undefined) }
}
