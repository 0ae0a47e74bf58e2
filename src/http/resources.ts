// The resources, worst first: the state in the row, what is known of its past and its reads below it.
import type { Change, ReadNames, Reload, ResourceHistory, State } from '../core/status.ts'
import { counted, duration, listed } from '../core/words.ts'
import { ago } from './ages.ts'
import { html, type Html } from './html.ts'
import { badge, idOf, type Tone } from './words.ts'

/** Of those that are in sync; what is not is shown whatever there is. */
const SHOWN = 20
/** Behind a click, so that the changes below stay in sight. */
const FOLDED = 200
const NAMES_SHOWN = 20
const CHANGES_SHOWN = 5

export const TONES: Readonly<Record<State, Tone>> = {
  failed: 'bad',
  held: 'bad',
  owed: 'bad',
  stale: 'warn',
  waiting: 'calm',
  'in sync': 'good',
}

export function resourcesPart(resources: readonly ResourceHistory[]): Html {
  const good = resources.filter(({ state }) => state === 'in sync')
  const other = resources.filter(({ state }) => state !== 'in sync')
  const rows = [...other, ...good.slice(0, SHOWN)]
  return html`<section id="resources" aria-labelledby="resources-title">
    <h2 id="resources-title">Resources</h2>
    ${
      rows.length === 0
        ? html`<p class="soft">none: conf.d is empty</p>`
        : html`<ul class="cards">
            ${rows.map(resourceRow)}
          </ul>`
    }
    ${good.length > SHOWN && folded(good.slice(SHOWN))}
  </section>`
}

function folded(resources: readonly ResourceHistory[]): Html {
  const rest = resources.length - FOLDED
  return html`<details id="more-resources" class="folded">
    <summary id="more-resources-row">and ${resources.length} more, all in sync</summary>
    <ul class="cards">
      ${resources.slice(0, FOLDED).map(resourceRow)}
    </ul>
    ${rest > 0 && html`<p class="soft">and ${rest} more: see reconfd status</p>`}
  </details>`
}

function resourceRow(resource: ResourceHistory): Html {
  const { name, state, since, why, hashes, lastChange } = resource
  const dests = Object.keys(hashes)
  const calm = dests.length === 0 ? '' : listed(dests, 3)
  return html`<li>
    <details id="${idOf('resource', name)}">
      <summary class="row" id="${idOf('resource-row', name)}">
        ${badge(TONES[state], state)}
        <span class="name">${name}</span>
        <span class="wide break"
          >${why === undefined ? calm : html`<span class="why">${why}</span>`}</span
        >
        ${ago(state === 'in sync' && lastChange !== undefined ? lastChange.at : since)}
      </summary>
      <div class="more">${details(resource)}</div>
    </details>
  </li>`
}

function details(resource: ResourceHistory): Html {
  const { name, state, since, owedSince, hashes, changes, lastReload, reads } = resource
  return html`<dl>
    <dt>${state}</dt>
    <dd>since ${ago(since)}</dd>
    ${
      state === 'held' &&
      html`<dt>to let it through</dt>
        <dd><code>reconfd accept ${name}</code></dd>`
    }
    ${
      owedSince !== undefined &&
      state !== 'owed' &&
      html`<dt>a reload is owed</dt>
        <dd>since ${ago(owedSince)}</dd>`
    }
    ${Object.entries(hashes).map(
      ([dest, hash]) =>
        html`<dt>file</dt>
          <dd><code>${dest}</code> <span class="soft">sha256 ${hash}</span></dd>`,
    )}
    ${lastReload !== undefined && reloadTold(lastReload)}
    ${changes.slice(0, CHANGES_SHOWN).map(changeTold)} ${reads !== undefined && readsTold(reads)}
  </dl>`
}

const changeTold = ({ at, keys, files, more }: Change): Html =>
  html`<dt>${keys.length > 0 ? 'keys changed' : 'files changed'}</dt>
    <dd>${ago(at)} <code>${listed([...keys, ...files], Infinity, more)}</code></dd>`

/** How a command ended, in words. */
export function endOf({
  succeeded,
  exitCode,
  signal,
  timedOut,
}: Pick<Reload, 'succeeded' | 'exitCode' | 'signal' | 'timedOut'>): string {
  if (succeeded) return 'succeeded'
  if (timedOut) return 'ran into its timeout'
  if (signal !== null) return `was ended by ${signal}`
  // A verify_cmd or the start of the command has failed.
  return exitCode === null || exitCode === 0 ? 'failed' : `failed with exit code ${exitCode}`
}

const reloadTold = (reload: Reload): Html =>
  html`<dt>last reload</dt>
    <dd>
      ${endOf(reload)} ${ago(reload.at)} after ${duration(reload.duration)}
      <code>${reload.command}</code>
    </dd>`

function readsTold({ keys, trees, listings, patterns, files, more }: ReadNames): Html {
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ['reads keys', keys],
    ['reads all below', trees],
    ['lists', listings],
    ['reads', patterns],
    ['uses files', files],
  ]
  return html`${groups
    .filter(([, names]) => names.length > 0)
    .map(
      ([what, names]) =>
        html`<dt>${what}</dt>
          <dd>
            <code>${listed(names, NAMES_SHOWN)}</code>
          </dd>`,
    )}
  ${
    more > 0 &&
    html`<dt></dt>
      <dd class="soft">and ${counted(more, 'more read')}</dd>`
  }`
}
