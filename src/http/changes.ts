// The last changes: which file, which keys caused it, and what changed in it for those who may see it.
import { counted, listed } from '../core/words.ts'
import type { DiffLine, FileDiff } from '../observe/hunks.ts'
import type { RecentChange } from '../observe/recent.ts'
import type { Viewer } from './access.ts'
import { ago } from './ages.ts'
import { html, type Html } from './html.ts'
import type { View } from './view.ts'
import { badge, idOf } from './words.ts'

/** A word and a sign. */
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
        ? html`<p class="soft">no file has changed since the start</p>`
        : html`<ul class="cards">
            ${changes.map((change) => changeRow(change, viewer))}
          </ul>`
    }
  </section>`

const howToSee = (token: string | undefined): Html =>
  token === undefined
    ? html`What changed in the files is not shown: there is no token.`
    : html`What changed in the files is shown to those who
        <a id="give-token" href="/with-token">give the token</a>. It is ${token}.`

function changeRow(change: RecentChange, viewer: Viewer): Html {
  const { id, at, resource, dest, why, rolledBack } = change
  const diff = viewer === 'trusted' ? change.diff() : undefined
  const row = html`${
      rolledBack
        ? badge('bad', 'rolled back', '↶')
        : badge(why === 'remove' ? 'warn' : 'calm', ...WHY[why])
    }
    <span class="name">${resource}</span>
    <span class="wide break">
      <code>${dest}</code> ${diff !== undefined && sizeOf(diff)}<br />
      ${causeOf(change)}
    </span>
    ${ago(at)}`
  if (diff === undefined) return html`<li class="row" id="${idOf('change', id)}">${row}</li>`
  return html`<li>
    <details id="${idOf('change', id)}">
      <summary class="row" id="${idOf('change-row', id)}">${row}</summary>
      <div class="more">${diffText(diff)}</div>
    </details>
  </li>`
}

function causeOf({ rolledBack, cause: { keys, files, more } }: RecentChange): Html {
  const names = [...keys, ...files]
  if (rolledBack) {
    return html`<span class="soft">as before: the reload did not succeed with the new file</span>`
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
