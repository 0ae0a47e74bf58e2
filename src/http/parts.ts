// The parts of the status page, each with an id of its own: what is sent anew when it has changed.
import { briefly } from '../core/fault.ts'
import { counted } from '../core/words.ts'
import type { FullStatus, State, StoreStatus } from '../core/status.ts'
import { ago } from './ages.ts'
import { changesPart } from './changes.ts'
import { html, type Html } from './html.ts'
import { reloadsPart } from './reloads.ts'
import { resourcesPart, TONES } from './resources.ts'
import type { View } from './view.ts'
import { badge, type Tone } from './words.ts'

/** By id, in the order of the page. */
export const partsOf = (view: View): ReadonlyMap<string, Html> =>
  new Map([
    ['verdict', verdictPart(view.status)],
    ['stores', storesPart(view.status)],
    ['resources', resourcesPart(view.status.resources)],
    ['changes', changesPart(view)],
    ['reloads', reloadsPart(view.reloads)],
  ])

interface Verdict {
  readonly tone: Tone
  readonly text: string
}

/** In one line, for the top of the page and for its title. */
export function verdictOf({ resources, stores }: FullStatus): Verdict {
  const all = counted(resources.length, 'resource')
  const worst = resources[0]?.state ?? 'in sync'
  if (worst === 'in sync') {
    const away = stores.find(({ state }) => state !== 'live')
    if (away !== undefined) return { tone: 'warn', text: `${away.name} is ${away.state}` }
    if (resources.length === 0) return { tone: 'calm', text: 'no resources' }
    return { tone: 'good', text: resources.length === 1 ? `${all} in sync` : `all ${all} in sync` }
  }
  const counts = new Map<State, number>()
  for (const { state } of resources) counts.set(state, (counts.get(state) ?? 0) + 1)
  const told = [...counts].map(([state, count]) => `${count} ${state}`)
  return { tone: TONES[worst], text: told.join(', ') }
}

function verdictPart(status: FullStatus): Html {
  const { tone, text } = verdictOf(status)
  const { configuration } = status
  return html`<div id="verdict">
    <p class="verdict ${tone}" role="status">${text}</p>
    ${
      configuration !== undefined &&
      html`<div class="verdict bad">
        conf.d was edited badly ${ago(configuration.since)}; the former configuration is at work
        ${configuration.faults.map((fault) => html`<pre class="why">${briefly(fault)}</pre>`)}
      </div>`
    }
  </div>`
}

const STORE_TONES: Readonly<Record<StoreStatus['state'], Tone>> = {
  live: 'good',
  stale: 'bad',
  waiting: 'calm',
}

const storesPart = ({ stores }: FullStatus): Html =>
  html`<section id="stores" aria-labelledby="stores-title">
    <h2 id="stores-title">Stores</h2>
    ${
      stores.length === 0
        ? html`<p class="soft">none is read</p>`
        : html`<ul class="cards">
            ${stores.map(storeRow)}
          </ul>`
    }
  </section>`

function storeRow({ name, state, since, node, keys, fault }: StoreStatus): Html {
  const told = [
    ...(node === undefined ? [] : [node]),
    ...(keys === undefined ? [] : [counted(keys, 'key')]),
  ]
  return html`<li class="row">
    ${badge(STORE_TONES[state], state)}
    <span class="name">${name}</span>
    <span class="wide break">
      ${told.join(', ')} ${fault !== undefined && html`<span class="why">${briefly(fault)}</span>`}
    </span>
    ${ago(since)}
  </li>`
}
