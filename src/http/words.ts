// Helpers that several parts of the page share.
import type { Fault } from '../core/fault.ts'
import type { ResourceState } from '../core/status.ts'
import { html, type Html } from './html.ts'

/** The urgency of an element. Each tone has its own colour and shape (`style.ts`). */
export type Tone = 'good' | 'stale' | 'held' | 'owed' | 'bad' | 'calm'

const SIGNS: Readonly<Record<Tone, string>> = {
  good: '✓',
  stale: '≈',
  held: '‖',
  owed: '↻',
  bad: '✗',
  calm: '…',
}

export const TONES: Readonly<Record<ResourceState, Tone>> = {
  failed: 'bad',
  held: 'held',
  owed: 'owed',
  stale: 'stale',
  behind: 'stale',
  waiting: 'calm',
  'in sync': 'good',
}

/** A coloured symbol and a word. */
export const badge = (tone: Tone, text: string, sign = SIGNS[tone]): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${sign} </span>${text}</span>`

export const signOf = (tone: Tone): string => SIGNS[tone]

/** Converts a name to an id: keeps letters, digits and dashes, and writes other characters as code points. */
export const idOf = (prefix: string, name: string | number): string =>
  `${prefix}-${String(name).replace(/[^A-Za-z0-9-]/g, (char) => `_${char.codePointAt(0)}`)}`

/** Formats the lines of a message, without their indentation for terminals. */
export const linesOf = (text: string): Html =>
  html`<span class="why"
    >${text
      .split('\n')
      .map(
        (line, n) => html`<span class="${n === 0 ? 'line' : 'line soft'}">${line.trim()}</span>`,
      )}</span
  >`

/** Formats the message and its hint. Omits the output of commands, because it may contain values. */
export function faultText({ file, line, column, message, hint }: Fault): Html {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  const what = place === '' ? message : `${place}: ${message}`
  return linesOf(hint === undefined ? what : `${what}\n${hint}`)
}

/** Formats a command with a button to copy it; the script makes the button visible. */
export const copyable = (command: string): Html =>
  html`<span class="copy"
    ><code>${command}</code
    ><button type="button" data-copy="${command}" aria-label="Copy ${command}" hidden>
      copy
    </button></span
  >`
