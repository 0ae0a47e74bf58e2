// Small things that several parts of the page share.
import { html, type Html } from './html.ts'

export type Tone = 'good' | 'bad' | 'warn' | 'calm'

const SIGNS: Readonly<Record<Tone, string>> = { good: '✓', bad: '✗', warn: '!', calm: '…' }

/** A sign and a word, coloured. */
export const badge = (tone: Tone, text: string, sign = SIGNS[tone]): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${sign} </span>${text}</span>`

export const signOf = (tone: Tone): string => SIGNS[tone]

/** A name as an id: letters, digits and dashes stay, what else there is becomes its number. */
export const idOf = (prefix: string, name: string | number): string =>
  `${prefix}-${String(name).replace(/[^A-Za-z0-9-]/g, (char) => `_${char.codePointAt(0)}`)}`
