// The page of one resource: its state and the reason, the commands to type, its changes and their causes, what it
// reads, and the output of its commands.
import type { ResourceChange, ReadNames, ResourceHistory } from '../core/status.ts'
import { counted, listed } from '../core/words.ts'
import { lastLines } from '../core/output.ts'
import type { RecentRun } from '../observe/recent.ts'
import { ago } from './ages.ts'
import { changeRow } from './changes.ts'
import { html, type Html } from './html.ts'
import { whatRan } from './reloads.ts'
import { idOf, badge, copyable, linesOf, TONES } from './words.ts'
import type { View } from './view.ts'

export function resourcePart(view: View, name: string): Html {
  const resource = view.status.resources.find((one) => one.name === name)
  return html`<section id="resource" aria-labelledby="resource-title">
    <p><a id="back" href="/">‹ all resources</a></p>
    ${
      resource === undefined
        ? html`<h2 id="resource-title">${name}</h2>
            <p class="empty">There is no such resource.</p>`
        : whole(resource, view)
    }
  </section>`
}

function whole(resource: ResourceHistory, view: View): Html {
  const { name, state, since, why, owedSince } = resource
  const own = view.changes.filter((change) => change.resource === name)
  return html`<h2 id="resource-title">${name} ${badge(TONES[state], state)}</h2>
    <p class="soft">
      ${state} since
      ${ago(since)}${
        owedSince !== undefined &&
        state !== 'owed' &&
        html`; <span>a reload is owed</span> since ${ago(owedSince)}`
      }
    </p>
    ${why !== undefined && html`<div class="reason ${TONES[state]}">${linesOf(why)}</div>`}
    <ul class="commands" aria-label="Commands for a terminal">
      ${commandsFor(resource).map((command) => html`<li>${copyable(command)}</li>`)}
    </ul>
    <h3>Files</h3>
    ${filesOf(resource)}
    <h3>Changes to the files</h3>
    ${
      own.length === 0
        ? html`<p class="soft">no change since the start of this process</p>`
        : html`<ul class="cards">
            ${own.map((change) => changeRow(change, view.viewer))}
          </ul>`
    }
    <h3>History</h3>
    ${historyOf(resource.changes)}
    <h3>Commands and their output</h3>
    ${runsOf(view, name)}
    <h3>Keys read</h3>
    ${resource.reads === undefined ? html`<p class="soft">not rendered yet</p>` : readsOf(resource.reads)}`
}

/**
 * Returns the commands to show for a resource. If a change can be accepted, the command that accepts it comes first.
 */
function commandsFor({ name, state, why = '' }: ResourceHistory): readonly string[] {
  const canAccept = state === 'held' || why.includes('reconfd accept')
  return [
    ...(canAccept ? [`reconfd accept ${name}`] : []),
    `reconfd why ${name}`,
    `reconfd reload ${name}`,
    'reconfd resync',
  ]
}

function filesOf({ hashes }: ResourceHistory): Html {
  const files = Object.entries(hashes)
  if (files.length === 0) return html`<p class="soft">none yet</p>`
  return html`<ul class="plain">
    ${files.map(
      ([dest, hash]) =>
        html`<li><code>${dest}</code> <span class="soft">sha256 ${hash}</span></li>`,
    )}
  </ul>`
}

function historyOf(changes: readonly ResourceChange[]): Html {
  if (changes.length === 0) return html`<p class="soft">no change recorded</p>`
  return html`<ul class="plain">
    ${changes.map(
      ({ at, keys, files, more }) =>
        html`<li>${ago(at)} <code>${listed([...keys, ...files], Infinity, more)}</code></li>`,
    )}
  </ul>`
}

function runsOf({ runsOf: find, viewer, token }: View, name: string): Html {
  const runs = find(name)
  if (runs.length === 0)
    return html`<p class="soft">no command has run since the start of this process</p>`
  const hint =
    token === undefined
      ? html`The output is hidden: no token is set.`
      : html`To see the output, <a href="/with-token">give the token</a>.`
  return html`${viewer === 'visitor' && html`<p class="soft">${hint}</p>`}
    <ul class="cards">
      ${runs.map((run) => runItem(run, viewer === 'trusted'))}
    </ul>`
}

function runItem(run: RecentRun, withOutput: boolean): Html {
  const lines = withOutput ? lastLines(run.output) : []
  return html`<li class="run" id="${idOf('run', run.id)}">
    ${badge(run.succeeded ? 'good' : 'bad', run.what)} ${whatRan(run)}
    ${run.dest !== undefined && html`<code class="soft">${run.dest}</code>`} · ${ago(run.at)}
    ${
      lines.length > 0 &&
      html`<pre class="output" tabindex="0" role="group" aria-label="What ${run.what} printed">
${lines.join('\n')}</pre>`
    }
  </li>`
}

function readsOf(reads: ReadNames): Html {
  const { keys, trees, listings, patterns, files, more } = reads
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ['keys', keys],
    ['all below', trees],
    ['names in', listings],
    ['patterns', patterns],
    ['files', files],
  ]
  return html`<p class="soft">${counted(reads.found, 'key')} found by the last render</p>
    <dl>
      ${groups
        .filter(([, names]) => names.length > 0)
        .map(
          ([what, names]) =>
            html`<dt>${what}</dt>
              <dd>
                <ul class="plain">
                  ${names.map((name) => html`<li><code>${name}</code></li>`)}
                </ul>
              </dd>`,
        )}
    </dl>
    ${more > 0 && html`<p class="soft">and ${more} more</p>`}`
}
