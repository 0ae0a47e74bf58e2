// How a debt was settled where `[template.haproxy]` may avoid a reload, in words.
import type { Event } from '../core/event.ts'

const NAMED = 10

/** Undefined where a reload was the only way. */
export function settledHow(
  event: Extract<Event, { kind: 'reloaded' | 'reload-owed' }>,
): string | undefined {
  if (event.kind === 'reloaded' && event.runtime !== undefined)
    return `without a reload: ${changesInWords(event.runtime)}`
  return event.fallback === undefined ? undefined : `not at run time, since ${event.fallback.text}`
}

/** The first of them, and how many more there are. */
export function changesInWords(changes: readonly string[]): string {
  if (changes.length === 0) return 'no server has changed'
  const more = changes.length > NAMED ? ` and ${changes.length - NAMED} more` : ''
  return changes.slice(0, NAMED).join(', ') + more
}
