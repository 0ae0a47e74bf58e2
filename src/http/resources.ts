// The table of resources, worst first. Below each row: why the resource is not in sync, and what to do.
import type { Reload, ResourceHistory } from '../core/status.ts'
import { andMore, counted, duration, listed } from '../core/words.ts'
import { lastLines } from '../core/output.ts'
import { ago } from './ages.ts'
import { html, type Html } from './html.ts'
import { tileOf } from './tiles.ts'
import { addressOf, type View, type Wish } from './view.ts'
import { badge, copyable, idOf, linesOf, TONES } from './words.ts'

/** Maximum lines of a command's output below a row; the resource's page shows more. */
const PRINTED = 3
/** Number of visible rows of resources in sync. Resources in other states are always visible. */
const SHOWN = 15
/** Maximum number of folded rows. */
const FOLDED = 1000

export function resourcesPart(view: View): Html {
  const { wish } = view
  const all = view.status.resources
  const resources = all.filter((one) => isWished(one, wish))
  const isFiltered = wish.tile !== undefined || wish.search !== undefined
  const bad = resources.filter(({ state }) => state !== 'in sync')
  const good = resources.filter(({ state }) => state === 'in sync')
  const shown = isFiltered ? resources : [...bad, ...good.slice(0, SHOWN)]
  const rest = resources.slice(shown.length)
  return html`<section id="resources" aria-labelledby="resources-title">
    <div class="head">
      <h2 id="resources-title">Resources</h2>
      <span id="shown" class="soft" role="status"
        >${isFiltered && `${resources.length} of ${all.length}`}</span
      >
      ${searchForm(wish)}
    </div>
    ${all.length === 0 && html`<p class="empty">no resources: conf.d is empty</p>`}
    ${shown.length > 0 && table(shown, 'Resources', view)} ${rest.length > 0 && folded(rest, view)}
    <p id="nothing" class="empty" ${(all.length === 0 || resources.length > 0) && html`hidden`}>
      No resource matches. <a href="/">Show all</a>
    </p>
  </section>`
}

function isWished(resource: ResourceHistory, { tile, search }: Wish): boolean {
  if (tile !== undefined && tileOf(resource.state) !== tile) return false
  if (search === undefined) return true
  const { name, why = '', hashes, lastChange } = resource
  const texts = [name, why, ...Object.keys(hashes), ...(lastChange?.keys ?? [])]
  return texts.some((text) => text.toLowerCase().includes(search.toLowerCase()))
}

const searchForm = ({ search = '', tile }: Wish): Html =>
  html`<form id="search" role="search" action="/" method="get">
    ${tile !== undefined && html`<input type="hidden" name="state" value="${tile}" />`}
    <input
      id="q"
      name="q"
      type="search"
      value="${search}"
      placeholder="name, file, key, reason"
      aria-label="Search resources"
      autocomplete="off"
    />
  </form>`

function folded(resources: readonly ResourceHistory[], view: View): Html {
  const rest = resources.length - FOLDED
  return html`<details id="more-resources" class="folded">
    <summary id="more-resources-row">and ${resources.length} more, all in sync</summary>
    ${table(resources.slice(0, FOLDED), 'More resources', view)}
    ${rest > 0 && html`<p class="soft">${andMore(rest)}: see reconfd status</p>`}
  </details>`
}

const table = (resources: readonly ResourceHistory[], caption: string, view: View): Html =>
  html`<table class="resources">
    <caption class="unseen">
      ${caption}
    </caption>
    <thead>
      <tr>
        <th scope="col">State</th>
        <th scope="col">Resource</th>
        <th scope="col">Last key</th>
        <th scope="col">Last change</th>
        <th scope="col">Last reload</th>
        <th scope="col" class="number">Keys</th>
      </tr>
    </thead>
    ${resources.map((resource) => rows(resource, view))}
  </table>`

/** Formats the rows of one resource. The HTML is kept small, because a page may show hundreds of resources. */
function rows(resource: ResourceHistory, view: View): Html {
  const { name, state, since, why, lastChange, lastReload, reads, hashes } = resource
  const tone = TONES[state]
  const [key, ...others] = [...(lastChange?.keys ?? []), ...(lastChange?.files ?? [])]
  const more = others.length + (lastChange?.more ?? 0)
  return html`<tbody
    id="${idOf('resource', name)}"
    class="${tone}"
    data-tile="${tileOf(state)}"
    data-name="${name}"
    data-files="${Object.keys(hashes).join(' ')}"
  >
    <tr>
      <td>${badge(tone, state)}</td>
      <th scope="row"><a id="${idOf('link', name)}" href="${addressOf(name)}">${name}</a></th>
      <td data-label="last key">
        ${key === undefined ? '–' : html`<code>${key}</code>${more > 0 && html` <span class="soft">+${more}</span>`}`}
      </td>
      <td data-label="last change">
        ${lastChange === undefined ? ago(since) : ago(lastChange.at)}
      </td>
      <td data-label="last reload">${lastReload === undefined ? '–' : reloadCell(lastReload)}</td>
      <td class="number" data-label="keys">${reads === undefined ? '–' : reads.found}</td>
    </tr>
    ${why !== undefined && whyRow(resource, why, view)}
  </tbody>`
}

function whyRow({ name, state, since }: ResourceHistory, why: string, view: View): Html {
  const printed = state === 'failed' || state === 'owed' ? failureOutput(name, view) : []
  return html`<tr class="reason">
    <td></td>
    <td colspan="5">
      <div>${linesOf(why)}</div>
      ${
        printed.length > 0 &&
        html`<pre
          class="output"
          tabindex="0"
          role="group"
          aria-label="Output of the failed command"
        >
${printed.join('\n')}</pre>`
      }
      <div class="soft">
        ${state} since
        ${ago(since)}${state === 'held' && html` · to apply this change: ${copyable(`reconfd accept ${name}`)}`}
      </div>
    </td>
  </tr>`
}

/** Returns the end of the output of the last run, if the run failed and the viewer may see its output. */
function failureOutput(name: string, { runsOf, viewer }: View): readonly string[] {
  const [last] = viewer === 'trusted' ? runsOf(name) : []
  return last === undefined || last.succeeded ? [] : lastLines(last.output).slice(-PRINTED)
}

const reloadCell = ({ succeeded, at, duration: took, isAtRunTime }: Reload): Html =>
  html`<span class="${succeeded ? 'yes' : 'no'}"
      >${succeeded ? '✓' : '✗'}<span class="unseen"
        >${succeeded ? ' succeeded' : ' failed'}</span
      ></span
    >
    ${ago(at)}<span class="soft"
      >, ${isAtRunTime === true ? 'at run time' : `in ${duration(took)}`}</span
    >`

/** Describes how a command ended. */
export function endOf({
  succeeded,
  exitCode,
  signal,
  timedOut,
}: Pick<Reload, 'succeeded' | 'exitCode' | 'signal' | 'timedOut'>): string {
  if (succeeded) return 'succeeded'
  if (timedOut) return 'timed out'
  if (signal !== null) return `was killed by ${signal}`
  // A verify_cmd or the start of the command has failed.
  return exitCode === null || exitCode === 0 ? 'failed' : `failed with exit code ${exitCode}`
}

/** Formats the names of resources, shortened: `web.toml and 29 more`. */
export const namesShort = (names: readonly string[], most: number): Html =>
  names.length <= most
    ? html`${listed(names)}`
    : html`<span title="${listed(names, 50)}">${listed(names, most - 1)}</span>
        <span class="soft">(${counted(names.length, 'resource')})</span>`
