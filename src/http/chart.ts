// A chart of the reloads of the last hour or day: time, duration and result. Coordinates are percentages, so
// that the chart fills the page without scaling its text.
import { counted, duration as durationOf } from '../core/words.ts'
import type { RecentReload } from '../observe/recent.ts'
import { html, type Html } from './html.ts'

interface Window {
  readonly name: string
  /** Milliseconds. */
  readonly length: number
  /** Labels of the time axis: milliseconds ago, and the text. */
  readonly ticks: readonly (readonly [number, string])[]
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

const WINDOWS: readonly Window[] = [
  {
    name: '1 h',
    length: HOUR,
    ticks: [0, 15, 30, 45].map((n) => [n * MINUTE, n === 0 ? 'now' : `−${n} min`] as const),
  },
  {
    name: '24 h',
    length: 24 * HOUR,
    ticks: [0, 6, 12, 18].map((n) => [n * HOUR, n === 0 ? 'now' : `−${n} h`] as const),
  },
]

/** In pixels. */
const TOP = 16
const BOTTOM = 120
/** In milliseconds. The axis is logarithmic, because a reload takes between 20 ms and a minute. */
const LEAST = 10
const MOST = 60_000
const LINES: readonly (readonly [number, string])[] = [
  [10, '10 ms'],
  [100, '100 ms'],
  [1000, '1 s'],
  [10_000, '10 s'],
  [60_000, '1 min'],
]
/** Number of columns. A column shows one reload: the longest failed one, or else the longest one. */
const COLUMNS = 240

/** @param now milliseconds since the Unix epoch */
export function chart(reloads: readonly RecentReload[], now: number): Html {
  // Rounded to the minute, because a chart that moved all the time would be sent again with every update.
  const end = Math.ceil(now / MINUTE) * MINUTE
  return html`<div class="chart">
    ${WINDOWS.map(
      ({ name }, n) =>
        html`<input type="radio" name="window" id="window-${n}" ${n === 0 && html`checked`} />
          <label for="window-${n}">${name}</label>`,
    )}
    <span class="legend">
      <span class="ok"><span aria-hidden="true">● </span>succeeded</span>
      <span class="fail"><span aria-hidden="true">✕ </span>failed</span>
    </span>
    ${WINDOWS.map((window, n) => drawing(window, n, reloads, end))}
  </div>`
}

function drawing(window: Window, n: number, reloads: readonly RecentReload[], end: number): Html {
  const seen = reloads.filter(({ at }) => at > end - window.length)
  const failed = seen.filter(({ succeeded }) => !succeeded).length
  const avoided = seen.filter(({ isAtRunTime }) => isAtRunTime === true).length
  const label =
    `${counted(seen.length - avoided, 'reload')} in the last ${window.name}, ${failed} failed` +
    (avoided === 0 ? '' : `, ${avoided} avoided`)
  return html`<figure class="window-${n}">
    <svg role="img" aria-label="${label}" width="100%" height="${BOTTOM + 24}">
      ${LINES.map(
        ([time, text]) =>
          html`<line class="grid" x1="0" x2="100%" y1="${yOf(time)}" y2="${yOf(time)}" />
            <text x="0" y="${yOf(time) - 3}">${text}</text>`,
      )}
      ${window.ticks.map(([age, text]) => tick(1 - age / window.length, text))}
      ${worstIn(seen, window, end).map((reload) => point(reload, window, end))}
    </svg>
    <figcaption class="soft">${label}</figcaption>
  </figure>`
}

const percent = (share: number): string => `${(100 * share).toFixed(2)}%`

function tick(at: number, text: string): Html {
  const x = percent(at)
  return html`<line class="grid" x1="${x}" x2="${x}" y1="${TOP}" y2="${BOTTOM}" />
    <text x="${x}" y="${BOTTOM + 18}" text-anchor="${at === 1 ? 'end' : 'middle'}">${text}</text>`
}

function yOf(duration: number): number {
  const share = Math.log(Math.max(LEAST, duration) / LEAST) / Math.log(MOST / LEAST)
  return Math.round(BOTTOM - (BOTTOM - TOP) * Math.min(1, share))
}

const shareOf = ({ at }: RecentReload, { length }: Window, end: number): number =>
  Math.min(1, Math.max(0, 1 - (end - at) / length))

function worstIn(reloads: readonly RecentReload[], window: Window, end: number): RecentReload[] {
  const columns = new Map<number, RecentReload>()
  for (const reload of reloads) {
    const column = Math.floor(shareOf(reload, window, end) * COLUMNS)
    const other = columns.get(column)
    if (other === undefined || isWorse(reload, other)) columns.set(column, reload)
  }
  return [...columns.values()]
}

const isWorse = (one: RecentReload, other: RecentReload): boolean =>
  one.succeeded === other.succeeded ? one.duration > other.duration : !one.succeeded

/** A dot or a cross, so that colour is not the only difference. */
function point(reload: RecentReload, window: Window, end: number): Html {
  const { at, command, succeeded, duration, isAtRunTime, how } = reload
  const x = percent(shareOf(reload, window, end))
  const y = yOf(duration)
  const title = html`<title>
    ${new Date(at).toISOString()} ${durationOf(duration)} ${isAtRunTime === true ? how : command}
  </title>`
  if (succeeded) return html`<circle class="ok" cx="${x}" cy="${y}" r="4">${title}</circle>`
  return html`<svg class="fail" x="${x}" y="${y}" overflow="visible">
    <path d="M-4-4L4 4M4-4L-4 4">${title}</path>
  </svg>`
}
