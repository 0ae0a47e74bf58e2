// The parts of the status page. Each part has an id and is sent again when it changes.
import { counted } from '../core/words.ts'
import { lateness, type FullStatus, type ResourceState, type StoreStatus } from '../core/status.ts'
import { ago } from './ages.ts'
import { changesPart } from './changes.ts'
import { html, type Html } from './html.ts'
import { CHILD_TONES, programPart } from './program.ts'
import { reloadsPart } from './reloads.ts'
import { resourcePart } from './resource.ts'
import { resourcesPart } from './resources.ts'
import { tilesPart } from './tiles.ts'
import type { View } from './view.ts'
import { badge, faultText, TONES, type Tone } from './words.ts'

/** Returns the parts by id, in the order of the page. */
export function partsOf(view: View): ReadonlyMap<string, Html> {
  const { status, reloads, wish, now } = view
  const verdict = ['verdict', verdictPart(status)] as const
  if (wish.resource !== undefined) {
    return new Map([verdict, ['resource', resourcePart(view, wish.resource)]])
  }
  return new Map([
    verdict,
    ['program', programPart(status.child)],
    ['tiles', tilesPart(status.resources, wish)],
    ['stores', storesPart(status)],
    ['resources', resourcesPart(view)],
    ['reloads', reloadsPart(reloads, now)],
    ['changes', changesPart(view)],
  ])
}

interface Verdict {
  readonly tone: Tone
  readonly text: string
}

/** One line for the top of the page and for its title. */
export function verdictOf({ resources, stores, child }: FullStatus): Verdict {
  if (child !== undefined && child.state !== 'up')
    return { tone: CHILD_TONES[child.state], text: `${child.program} is ${child.state}` }
  const all = counted(resources.length, 'resource')
  const worst = resources[0]?.state ?? 'in sync'
  if (worst === 'in sync') {
    const away = stores.find(({ state }) => state !== 'live')
    if (away !== undefined) return { tone: 'stale', text: `${away.name} is ${away.state}` }
    if (resources.length === 0) return { tone: 'calm', text: 'no resources' }
    return { tone: 'good', text: resources.length === 1 ? `${all} in sync` : `all ${all} in sync` }
  }
  const counts = new Map<ResourceState, number>()
  for (const { state } of resources) counts.set(state, (counts.get(state) ?? 0) + 1)
  const texts = [...counts].map(([state, count]) => `${count} ${state}`)
  return { tone: TONES[worst], text: texts.join(', ') }
}

function verdictPart(status: FullStatus): Html {
  const { tone, text } = verdictOf(status)
  const { configuration } = status
  return html`<div id="verdict">
    <p class="verdict ${tone}" role="status">${text}</p>
    ${
      configuration !== undefined &&
      html`<div class="verdict bad">
        conf.d became invalid ${ago(configuration.since)}; the previous configuration stays in use
        ${configuration.faults.map((fault) => html`<div class="fault">${faultText(fault)}</div>`)}
      </div>`
    }
  </div>`
}

const STORE_TONES: Readonly<Record<StoreStatus['state'], Tone>> = {
  live: 'good',
  behind: 'stale',
  stale: 'stale',
  waiting: 'calm',
}

const storesPart = ({ stores }: FullStatus): Html =>
  html`<section id="stores" aria-labelledby="stores-title">
    <h2 id="stores-title">Stores</h2>
    ${
      stores.length === 0
        ? html`<p class="empty">no store is read</p>`
        : html`<ul class="cards">
            ${stores.map(storeRow)}
          </ul>`
    }
  </section>`

function storeRow({ name, state, since, node, keys, fault, lag }: StoreStatus): Html {
  const facts = [
    ...(node === undefined ? [] : [node]),
    ...(keys === undefined ? [] : [counted(keys, 'key')]),
    ...(lag === undefined ? [] : [lateness(lag)]),
  ]
  return html`<li class="row">
    ${badge(STORE_TONES[state], state)}
    <span class="name">${name}</span>
    <span class="wide break">
      <span class="line">${facts.join(', ')}</span>
      ${fault !== undefined && faultText(fault)}
    </span>
    ${ago(since)}
  </li>`
}
