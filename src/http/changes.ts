// The last changes: the file, the keys that caused the change, and the diff for trusted viewers. The files
// that a start writes are folded into one row.
import { counted, listed } from '../core/words.ts'
import type { DiffLine, FileDiff } from '../observe/hunks.ts'
import type { RecentChange } from '../observe/recent.ts'
import type { Viewer } from './access.ts'
import { ago } from './ages.ts'
import { html, type Html } from './html.ts'
import { addressOf, type View } from './view.ts'
import { badge, idOf } from './words.ts'

/** Visible rows; a folded row counts as one. */
const SHOWN = 8
const FOLDED = 40
/** At least this many consecutive changes that no key caused are folded into one row, as after a start or a resync. */
const FOLDED_FROM = 3

/** The word and the symbol for each kind of change. */
const WHY: Readonly<Record<RecentChange['why'], readonly [string, string]>> = {
  create: ['new', '+'],
  content: ['changed', '±'],
  metadata: ['mode', '±'],
  remove: ['removed', '−'],
}

export const changesPart = ({ changes, viewer, token }: View): Html =>
  html`<section id="changes" aria-labelledby="changes-title">
    <h2 id="changes-title">Last changes</h2>
    ${viewer === 'visitor' && changes.length > 0 && html`<p class="soft">${howToSee(token)}</p>`}
    ${
      changes.length === 0
        ? html`<p class="empty">no file has changed since the start</p>`
        : changeRows(runsIn(changes), viewer)
    }
  </section>`

function changeRows(runs: ReturnType<typeof runsIn>, viewer: Viewer): Html {
  const rest = runs.slice(SHOWN, SHOWN + FOLDED)
  const rows = (some: typeof runs): Html =>
    html`<ul class="cards">
      ${some.map((run) => runRow(run, viewer))}
    </ul>`
  return html`${rows(runs.slice(0, SHOWN))}
  ${
    rest.length > 0 &&
    html`<details id="more-changes" class="folded">
      <summary id="more-changes-row">${counted(rest.length, 'earlier change')}</summary>
      ${rows(rest)}
    </details>`
  }`
}

const howToSee = (token: string | undefined): Html =>
  token === undefined
    ? html`Diffs are hidden: no token is set.`
    : html`To see diffs, <a id="give-token" href="/with-token">give the token</a>. It is ${token}.`

/** Folds consecutive changes without a cause into one entry. */
function runsIn(changes: readonly RecentChange[]): readonly (readonly RecentChange[])[] {
  const runs: RecentChange[][] = []
  for (const change of changes) {
    const last = runs.at(-1)
    if (last?.[0] !== undefined && !isCaused(last[0]) && !isCaused(change)) last.push(change)
    else runs.push([change])
  }
  return runs.flatMap((run) => (run.length < FOLDED_FROM ? run.map((one) => [one]) : [run]))
}

const isCaused = ({ rolledBack, cause: { keys, files } }: RecentChange): boolean =>
  rolledBack || keys.length + files.length > 0

function runRow(run: readonly RecentChange[], viewer: Viewer): Html {
  const [change, ...others] = run
  if (change === undefined) return html``
  if (others.length === 0) return changeRow(change, viewer)
  const oldest = others.at(-1) ?? change
  return html`<li>
    <details id="${idOf('run', oldest.id)}" class="folded">
      <summary class="row" id="${idOf('run-row', oldest.id)}">
        ${badge('calm', 'start', '▷')}
        <span class="name">${counted(run.length, 'file')} written</span>
        <span class="wide soft">no key has changed: a start, a resync or a repair</span>
        ${ago(change.at)}
      </summary>
      <ul class="inner">
        ${run.map((one) => changeRow(one, viewer))}
      </ul>
    </details>
  </li>`
}

export function changeRow(change: RecentChange, viewer: Viewer): Html {
  const { id, at, resource, dest, why, rolledBack } = change
  const diff = viewer === 'trusted' ? change.diff() : undefined
  const name = html`<span class="name">${resource}</span>`
  const linked = html`<a class="name" href="${addressOf(resource)}">${resource}</a>`
  const row = (title: Html): Html =>
    html`${
        rolledBack
          ? badge('bad', 'rolled back', '↶')
          : badge(why === 'remove' ? 'stale' : 'calm', ...WHY[why])
      }
      ${title}
      <span class="wide break">
        <code>${dest}</code> ${diff !== undefined && sizeOf(diff)}<br />
        ${causeOf(change)}
      </span>
      ${ago(at)}`
  if (diff === undefined)
    return html`<li class="row" id="${idOf('change', id)}">${row(linked)}</li>`
  return html`<li>
    <details id="${idOf('change', id)}">
      <summary class="row" id="${idOf('change-row', id)}">${row(name)}</summary>
      <div class="more">${diffText(diff)}</div>
    </details>
  </li>`
}

function causeOf({ rolledBack, cause: { keys, files, more } }: RecentChange): Html {
  const names = [...keys, ...files]
  if (rolledBack) {
    return html`<span class="soft">the reload did not succeed with the new file</span>`
  }
  return names.length === 0
    ? html`<span class="soft">no key has changed: a start, a resync or a repair</span>`
    : html`<span class="soft">because of</span> <code>${listed(names, Infinity, more)}</code>`
}

const sizeOf = (diff: FileDiff): Html | false =>
  diff.kind === 'lines' && html`<span class="soft">+${diff.added} −${diff.removed}</span>`

function diffText(diff: FileDiff): Html {
  if (diff.kind === 'none') return html`<p class="soft">Nothing to show: ${diff.why}.</p>`
  const { hunks, more, masked } = diff
  const lines = hunks.flatMap(({ header, lines }) => [
    html`<span class="at">${header}</span>`,
    ...lines.map(lineText),
  ])
  return html`${masked && html`<p class="soft">Masked: the resource is marked sensitive.</p>`}
    <pre class="diff" tabindex="0" role="group" aria-label="What changed in the file">${lines}</pre>
    ${more > 0 && html`<p class="soft">and ${counted(more, 'more line')}</p>`}`
}

const CLASSES: Readonly<Record<DiffLine['sign'], string>> = { '+': 'plus', '-': 'minus', ' ': '' }

const lineText = ({ sign, text }: DiffLine): Html =>
  html`<span class="${CLASSES[sign]}">${sign}${text}</span>`
