// Times on the page: each is written once, and how long ago it was is put in when the page is sent, so
// that a part of the page that has only grown older is the same as before.
import { html, type Html } from './html.ts'

/** @param time ISO 8601, or milliseconds since 1970 */
export const ago = (time: string | number): Html =>
  html`<time datetime="${new Date(time).toISOString()}"></time>`

/** The page's text with all ages as of `now`. */
export const withAges = (text: string, now: number): string =>
  text.replace(
    /<time datetime="([^"]+)"><\/time>/g,
    (_, time: string) =>
      `<time datetime="${time}" title="${time}">${ageOf(now - Date.parse(time))}</time>`,
  )

/**
 * Runs in the browser too (`script.ts`), so it may use nothing from outside.
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
