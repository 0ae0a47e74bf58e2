// Applies a function, such as one that masks secrets, to the foreign text in events: messages from servers, commands
// and their output. All other members are names, numbers or reconfd's own text.
import type { Event } from './event.ts'
import type { Fault } from './fault.ts'

type TextMapper = (text: string) => string

/** Returns a copy of the fault with `change` applied to its text. */
export function mapFault(fault: Fault, change: TextMapper): Fault {
  const { message, hint, frame } = fault
  return {
    ...fault,
    message: change(message),
    ...(hint === undefined ? {} : { hint: change(hint) }),
    ...(frame === undefined ? {} : { frame: change(frame) }),
  }
}

/** Returns the event, or a copy with `change` applied to its foreign text. */
export function mapSpoken(event: Event, change: TextMapper): Event {
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
