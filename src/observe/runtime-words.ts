// Describes how a debt was settled with `[template.haproxy]`: at run time, or by a reload.
import type { Event } from '../core/event.ts'

const NAMED = 10

/** The members of a reload record that describe how the debt was settled. Empty without `[template.haproxy]`. */
export function settlement(event: Extract<Event, { kind: 'reloaded' | 'reload-owed' }>): {
  readonly how?: string
  readonly isAtRunTime?: true
} {
  const how = settledHow(event)
  if (how === undefined) return {}
  return event.kind === 'reloaded' && event.runtime !== undefined
    ? { how, isAtRunTime: true }
    : { how }
}

/** Returns undefined without `[template.haproxy]`. */
export function settledHow(
  event: Extract<Event, { kind: 'reloaded' | 'reload-owed' }>,
): string | undefined {
  if (event.kind === 'reloaded' && event.runtime !== undefined)
    return `without a reload: ${changesInWords(event.runtime)}`
  return event.fallback === undefined
    ? undefined
    : `not at run time, because ${event.fallback.text}`
}

/** Lists the first changes and the number of others. */
export function changesInWords(changes: readonly string[]): string {
  if (changes.length === 0) return 'no server changed'
  const more = changes.length > NAMED ? ` and ${changes.length - NAMED} more` : ''
  return changes.slice(0, NAMED).join(', ') + more
}
