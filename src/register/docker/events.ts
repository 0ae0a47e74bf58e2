// Reads events from a container engine, one JSON document per line. The events only show which container has changed.
import { isNullOr, isOptional, isRecordOf, hasShape, isText } from '../../core/shape.ts'

/** A container has changed and needs to be inspected again. */
export interface EngineEvent {
  readonly container: string
  readonly action: string
}

const isEvent = hasShape({
  Type: isOptional(isText),
  Action: isOptional(isText),
  status: isOptional(isText),
  id: isOptional(isText),
  Actor: isOptional(
    hasShape({ ID: isOptional(isText), Attributes: isOptional(isNullOr(isRecordOf(isText))) }),
  ),
})

interface RawEvent {
  readonly Type?: string
  readonly Action?: string
  readonly status?: string
  readonly id?: string
  readonly Actor?: {
    readonly ID?: string
    readonly Attributes?: Readonly<Record<string, string>> | null
  }
}

/** Events that cannot affect a registration. Health checks alone cause several events per second. */
const IGNORED = /^(?:exec_|health_status|top|attach|detach|resize|export|archive-path|extract|copy)/

/** Yields undefined for an invalid line. */
export async function* eventsIn(
  lines: AsyncIterable<string>,
): AsyncGenerator<EngineEvent | undefined, void> {
  for await (const line of lines) {
    if (line.trim() === '') continue
    const event = jsonIn(line)
    if (!isEvent(event)) {
      yield undefined
      continue
    }
    const { Type = 'container', Action, status, id, Actor } = event as RawEvent
    const container = Type === 'network' ? Actor?.Attributes?.['container'] : (Actor?.ID ?? id)
    const action = Action ?? status ?? ''
    if (container !== undefined && container !== '' && !IGNORED.test(action)) {
      yield { container, action }
    }
  }
}

export function jsonIn(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
