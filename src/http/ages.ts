// Times on the page. A part of the page contains times; their ages are inserted only when the part is sent, so that a
// part is not sent again if only ages have changed.
import { html, type Html } from './html.ts'

/** @param time ISO 8601, or milliseconds since the Unix epoch */
export const ago = (time: string | number): Html =>
  html`<time datetime="${new Date(time).toISOString()}"></time>`

/** Inserts all ages as of `now`. */
export const withAges = (text: string, now: number): string =>
  text.replace(
    /<time datetime="([^"]+)"><\/time>/g,
    (_, time: string) =>
      `<time datetime="${time}" title="${time}">${ageOf(now - Date.parse(time))}</time>`,
  )

/**
 * Also runs in the browser (`script.ts`), so it must be self-contained.
 * @param ms milliseconds
 */
export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  return `${Math.floor(seconds / 86_400)} d ago`
}
