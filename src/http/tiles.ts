// The tiles at the top: the number of resources in each state. A click on a tile shows only the resources in its state.
import type { ResourceStatus, ResourceState } from '../core/status.ts'
import { html, type Html } from './html.ts'
import type { Wish } from './view.ts'
import { signOf, TONES, type Tone } from './words.ts'

interface Tile {
  readonly name: string
  readonly states: readonly ResourceState[]
  readonly meaning: string
}

const TILES: readonly Tile[] = [
  { name: 'in sync', states: ['in sync'], meaning: 'the files match the store' },
  {
    name: 'stale',
    states: ['stale'],
    meaning: 'the store is unreachable; the last good files stay',
  },
  {
    name: 'held',
    states: ['held'],
    meaning: 'the change is held until you accept it or the keys return',
  },
  {
    name: 'owed',
    states: ['owed'],
    meaning: 'the files are in place, but a reload has not succeeded',
  },
  { name: 'failed', states: ['failed'], meaning: 'the files could not be brought up to date' },
  {
    name: 'behind',
    states: ['behind', 'waiting'],
    meaning: 'keys arrive late, or have not been read yet',
  },
]

/** The name of the tile that counts the resources in a state. */
export const tileOf = (state: ResourceState): string =>
  TILES.find(({ states }) => states.includes(state))?.name ?? state

const toneOf = ({ states: [state = 'in sync'] }: Tile): Tone => TONES[state]

export function tilesPart(resources: readonly ResourceStatus[], { tile }: Wish): Html {
  const counts = new Map<string, number>()
  for (const { state } of resources) counts.set(tileOf(state), (counts.get(tileOf(state)) ?? 0) + 1)
  return html`<nav id="tiles" aria-label="Resources by state">
    <ul class="tiles">
      ${TILES.map((one) => tileItem(one, counts.get(one.name) ?? 0, one.name === tile))}
    </ul>
  </nav>`
}

/** The active tile links back to all resources. */
function tileItem(tile: Tile, count: number, isChosen: boolean): Html {
  const { name, meaning } = tile
  const tone = toneOf(tile)
  return html`<li>
    <a
      id="tile-${name.replace(' ', '-')}"
      class="tile ${count === 0 ? 'none' : tone}"
      data-tile="${name}"
      href="${isChosen ? '/' : `/?state=${encodeURIComponent(name)}`}"
      title="${meaning}"
      ${isChosen && html`aria-current="true"`}
    >
      <span class="count">${count}</span>
      <span><span aria-hidden="true">${signOf(tone)} </span>${name}</span>
    </a>
  </li>`
}
