// The reloads: a small timeline of one bar each, as high as it took long, and the newest in words.
import { counted, duration as durationOf, listed } from '../core/words.ts'
import type { RecentReload } from '../observe/recent.ts'
import { ago } from './ages.ts'
import { html, type Html } from './html.ts'
import { endOf } from './resources.ts'
import { badge, idOf } from './words.ts'

const TOLD = 10
/** In units of the drawing. */
const BAR = 8
const GAP = 4
const HEIGHT = 48
const SLOTS = 60
/** Milliseconds that make a bar as high as it can be: the default of -reload-timeout. */
const HIGHEST = 60_000

export function reloadsPart(reloads: readonly RecentReload[]): Html {
  return html`<section id="reloads" aria-labelledby="reloads-title">
    <h2 id="reloads-title">Reloads</h2>
    ${
      reloads.length === 0
        ? html`<p class="soft">nothing was reloaded since the start</p>`
        : html`<div class="cards">${timeline(reloads)}</div>
            <ol class="cards" id="reload-list">
              ${reloads.slice(0, TOLD).map(reloadRow)}
            </ol>`
    }
  </section>`
}

function timeline(reloads: readonly RecentReload[]): Html {
  const failed = reloads.filter(({ succeeded }) => !succeeded).length
  const told = `The last ${counted(reloads.length, 'reload')}, ${failed} failed; the newest on the right`
  const width = SLOTS * (BAR + GAP)
  const first = SLOTS - reloads.length
  return html`<svg
    class="timeline"
    viewBox="0 0 ${width} ${HEIGHT}"
    preserveAspectRatio="none"
    role="img"
    aria-label="${told}"
  >
    <line class="base" x1="0" x2="${width}" y1="${HEIGHT - 0.5}" y2="${HEIGHT - 0.5}" />
    ${reloads.toReversed().map((reload, n) => bar(reload, (first + n) * (BAR + GAP)))}
  </svg>`
}

/** A failed one has a gap near its top, so that it is not told by its colour alone. */
function bar({ at, command, succeeded, duration }: RecentReload, x: number): Html {
  const share = Math.log10(1 + duration) / Math.log10(1 + HIGHEST)
  const height = Math.round(10 + (HEIGHT - 11) * Math.min(1, share))
  const y = HEIGHT - 1 - height
  const title = html`<title>
    ${new Date(at).toISOString()} ${durationOf(duration)} ${command}
  </title>`
  if (succeeded) {
    return html`<rect class="ok" x="${x}" y="${y}" width="${BAR}" height="${height}">
      ${title}
    </rect>`
  }
  return html`<g class="fail">
    ${title}
    <rect x="${x}" y="${y}" width="${BAR}" height="4" />
    <rect x="${x}" y="${y + 6}" width="${BAR}" height="${height - 6}" />
  </g>`
}

const reloadRow = (reload: RecentReload): Html =>
  html`<li class="row" id="${idOf('reload', reload.id)}">
    ${badge(reload.succeeded ? 'good' : 'bad', reload.succeeded ? 'done' : 'failed')}
    <span class="name">${listed(reload.resources)}</span>
    <span class="wide break">
      <code>${reload.command}</code>
      <span class="soft">${endOf(reload)} after ${durationOf(reload.duration)}</span>
    </span>
    ${ago(reload.at)}
  </li>`
