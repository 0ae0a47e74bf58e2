// Small things that several parts of the page share.
import { html, type Html } from './html.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'calm'

const SIGNS: Readonly<Record<Tone, string>> = { good: '✓', bad: '✗', warn: '!', calm: '…' }

/** A sign and a word, coloured. */
export const badge = (tone: Tone, text: string, sign = SIGNS[tone]): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${sign} </span>${text}</span>`

export const signOf = (tone: Tone): string => SIGNS[tone]

export const plural = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`

/** @param ms milliseconds */
export const lasted = (ms: number): string =>
  ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`

/** Some names and how many more there are. */
export const namesAndMore = (names: readonly string[], more: number): string =>
  names.join(', ') + (more > 0 ? ` and ${more} more` : '')

/** A name as an id: letters, digits and dashes stay, what else there is becomes its number. */
export const idOf = (prefix: string, name: string | number): string =>
  `${prefix}-${String(name).replace(/[^A-Za-z0-9-]/g, (char) => `_${char.codePointAt(0)}`)}`
