// The status page as a whole, and its content security policy, which keeps the browser from loading anything else.
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import type { FullStatus } from '../core/status.ts'
import { VERSION } from '../core/version.ts'
import { ago, withAges } from './ages.ts'
import { html, Html } from './html.ts'
import { partsOf, verdictOf } from './parts.ts'
import type { View } from './view.ts'
import { script } from './script.ts'
import { style } from './style.ts'
import { signOf, type Tone } from './words.ts'

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`

export const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${hashOf(script)}`,
  `style-src ${hashOf(style)}`,
  'img-src data:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ')

// Both elements must be sent unchanged, because the content security policy contains a hash of the content of each.
const STYLE = new Html(`<style>${style}</style>`)
const SCRIPT = new Html(`<script>${script}</script>`)

export interface Title {
  readonly title: string
  /** An image as a data URL. */
  readonly icon: string
}

/** The icon of the browser tab shows the state. */
export function titleOf(status: FullStatus): Title {
  const { tone, text } = verdictOf(status)
  return { title: `${signOf(tone)} ${text} – reconfd on ${hostname()}`, icon: iconOf(tone) }
}

const COLOURS: Readonly<Record<Tone, string>> = {
  good: '#2da44e',
  bad: '#d1242f',
  held: '#8250df',
  owed: '#e16f24',
  stale: '#d29922',
  calm: '#57606a',
}

function iconOf(tone: Tone): string {
  const circle = `<circle cx="8" cy="8" r="7" fill="${COLOURS[tone]}"/>`
  const picture = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${circle}</svg>`
  return `data:image/svg+xml,${encodeURIComponent(picture)}`
}

/** Interval in seconds at which the page refreshes itself in a browser without scripts. */
const SECONDS_WITHOUT_SCRIPT = 5

/** Every page contains all parts, so that the script can switch between views. */
const PARTS = [
  'verdict',
  'resource',
  'program',
  'tiles',
  'stores',
  'resources',
  'reloads',
  'changes',
]

export function page(view: View): string {
  const { status, now } = view
  const parts = partsOf(view)
  const { title, icon } = titleOf(status)
  const document = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title}</title>
        <link rel="icon" id="icon" href="${icon}" />
        <noscript><meta http-equiv="refresh" content="${SECONDS_WITHOUT_SCRIPT}" /></noscript>
        ${STYLE}
      </head>
      <body>
        <div id="lost" class="lost" role="alert" hidden>
          The connection to reconfd is lost. This page shows the last known state.
        </div>
        <header>
          <h1>reconfd on ${hostname()}</h1>
          <span class="soft"
            >version ${VERSION}, process ${status.pid}, started ${ago(status.started)}</span
          >
        </header>
        <main>
          ${PARTS.map((id) => parts.get(id) ?? html`<section id="${id}" hidden></section>`)}
        </main>
        <footer>
          <a href="/metrics">metrics</a>, <a href="/readyz">readiness</a>. This page is read-only.
          <code>reconfd why</code> shows what happened before this process started.
        </footer>
        ${SCRIPT}
      </body>
    </html>`
  return withAges(document.text, now)
}
