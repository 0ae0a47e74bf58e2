// The reloads: a chart of the last hour or day, and a table of the newest reloads. A run that several resources share
// is one row.
import { counted, duration } from '../core/words.ts'
import type { RecentReload } from '../observe/recent.ts'
import { ago } from './ages.ts'
import { chart } from './chart.ts'
import { html, type Html } from './html.ts'
import { endOf, namesShort } from './resources.ts'
import { badge, idOf } from './words.ts'

const SHOWN = 5
/** Maximum number of folded rows. */
const FOLDED = 30
/** Maximum number of names in a row. */
const NAMES = 3

/** @param now milliseconds since the Unix epoch */
export const reloadsPart = (reloads: readonly RecentReload[], now: number): Html =>
  html`<section id="reloads" aria-labelledby="reloads-title">
    <h2 id="reloads-title">Reloads</h2>
    ${
      reloads.length === 0
        ? html`<p class="empty">nothing has been reloaded since the start</p>`
        : html`${chart(reloads, now)}
            <ol class="cards" id="reload-list">
              ${reloads.slice(0, SHOWN).map(reloadRow)}
            </ol>
            ${reloads.length > SHOWN && folded(reloads.slice(SHOWN, SHOWN + FOLDED))}`
    }
  </section>`

const folded = (reloads: readonly RecentReload[]): Html =>
  html`<details id="more-reloads" class="folded">
    <summary id="more-reloads-row">${counted(reloads.length, 'earlier reload')}</summary>
    <ol class="cards">
      ${reloads.map(reloadRow)}
    </ol>
  </details>`

/** Shows the command and its result, or the changes at run time that replaced the command. */
export function whatRan(run: Omit<RecentReload, 'resources'>): Html {
  const { command, how, isAtRunTime } = run
  if (isAtRunTime === true)
    return html`<span>${how}</span> <span class="soft">in ${duration(run.duration)}</span>`
  return html`<code>${command}</code>
    <span class="soft"
      >${endOf(run)} after ${duration(run.duration)}${how !== undefined && `, ${how}`}</span
    >`
}

const reloadRow = (reload: RecentReload): Html =>
  html`<li class="row" id="${idOf('reload', reload.id)}">
    ${badge(reload.succeeded ? 'good' : 'bad', reload.succeeded ? 'done' : 'failed')}
    <span class="name">${namesShort(reload.resources, NAMES)}</span>
    <span class="wide break"> ${whatRan(reload)} </span>
    ${ago(reload.at)}
  </li>`
