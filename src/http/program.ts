// The program of exec mode, on the status page.
import type { ChildStatus } from '../core/status.ts'
import { counted } from '../core/words.ts'
import { ago } from './ages.ts'
import { html, type Html } from './html.ts'
import { badge, type Tone } from './words.ts'

export const CHILD_TONES: Readonly<Record<ChildStatus['state'], Tone>> = {
  waiting: 'calm',
  up: 'good',
  down: 'bad',
  restarting: 'bad',
}

export function programPart(child: ChildStatus | undefined): Html {
  if (child === undefined) return html`<section id="program" hidden></section>`
  const { program, state, since, pid, why, restarts, lastExit } = child
  const facts = [
    ...(pid === undefined ? [] : [`process ${pid}`]),
    ...(restarts === 0 ? [] : [`restarted ${counted(restarts, 'time')}`]),
  ]
  const how =
    lastExit?.signal == null ? `with exit code ${lastExit?.exitCode}` : `by ${lastExit.signal}`
  return html`<section id="program" aria-labelledby="program-title">
    <h2 id="program-title">Program</h2>
    <ul class="cards">
      <li class="row">
        ${badge(CHILD_TONES[state], state)}
        <span class="name">${program}</span>
        <span class="wide break">
          ${facts.join(', ')} ${why !== undefined && html`<span class="why">${why}</span>`}
          ${
            lastExit !== undefined &&
            why === undefined &&
            html`<span class="soft">last exit ${how} ${ago(lastExit.at)}</span>`
          }
        </span>
        ${ago(since)}
      </li>
    </ul>
  </section>`
}
