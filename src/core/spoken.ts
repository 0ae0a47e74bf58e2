// The words of others in an event: what a server has said, what a command has printed. Everything else in an
// event is a name, a number or our own sentence.
import type { Event } from './event.ts'
import type { Fault } from './fault.ts'

type Change = (text: string) => string

/** A copy of the fault with its texts changed. */
export function mapFault(fault: Fault, change: Change): Fault {
  const { message, hint, frame } = fault
  return {
    ...fault,
    message: change(message),
    ...(hint === undefined ? {} : { hint: change(hint) }),
    ...(frame === undefined ? {} : { frame: change(frame) }),
  }
}

/** The event, or a copy of it with the words of others changed. */
export function mapSpoken(event: Event, change: Change): Event {
  let changed = event
  if ('fault' in changed) changed = { ...changed, fault: mapFault(changed.fault, change) }
  if ('faults' in changed)
    changed = { ...changed, faults: changed.faults.map((fault) => mapFault(fault, change)) }
  if ('message' in changed) changed = { ...changed, message: change(changed.message) }
  if ('command' in changed) changed = { ...changed, command: change(changed.command) }
  if ('result' in changed) {
    const { result } = changed
    changed = { ...changed, result: { ...result, output: change(result.output) } }
  }
  return changed
}
