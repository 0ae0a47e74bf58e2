// How the status page looks: dark and light as the reader has it, wide and narrow, no font and no
// picture from elsewhere. A state is told by its word and a sign, never by colour alone.
export const style = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --line: #d9dde3; --text: #1a1f26;
  --soft: #545d69; --good: #176b38; --good-bg: #dff3e5; --bad: #a3171d; --bad-bg: #fde5e5;
  --warn: #7d4a00; --warn-bg: #fdeecb; --calm: #2b557f; --calm-bg: #e3eefa; --focus: #1f6feb }
@media (prefers-color-scheme: dark) { :root { --page: #101419; --card: #181e25; --line: #323b46;
  --text: #e4e8ed; --soft: #a2adba; --good: #7ddc9c; --good-bg: #143522; --bad: #ff9c9c;
  --bad-bg: #461a1c; --warn: #f4c875; --warn-bg: #40300f; --calm: #9ecbff; --calm-bg: #17304a;
  --focus: #79b8ff } }
* { box-sizing: border-box }
[hidden] { display: none !important }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 0 1rem }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; padding-top: 1.25rem }
h1 { font-size: 1.25rem; margin: 0 }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem }
p { margin: .25rem 0 }
.soft, time { color: var(--soft) }
time { white-space: nowrap; font-variant-numeric: tabular-nums }
code, pre, .mono { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace }
code, .break { overflow-wrap: anywhere }
.verdict { margin: 1rem 0 0; padding: .75rem 1rem; border-radius: .5rem; font-size: 1.1rem;
  font-weight: 600; border-left: .35rem solid }
.lost { position: sticky; top: 0; padding: .5rem 1rem; background: var(--warn-bg); color: var(--warn);
  text-align: center }
ul, ol { list-style: none; margin: 0; padding: 0 }
.cards { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; overflow: hidden }
.cards > li + li { border-top: 1px solid var(--line) }
.row { display: grid; grid-template-columns: 7.5rem minmax(9rem, 1.2fr) 2.5fr 5.5rem; gap: .25rem 1rem;
  align-items: baseline; padding: .6rem 1rem }
.row > * { min-width: 0 }
.row > time { text-align: right }
summary { cursor: pointer }
summary.row { list-style: none }
summary.row::-webkit-details-marker { display: none }
summary.row .name::after { content: " ▸"; color: var(--soft) }
details[open] > summary.row .name::after { content: " ▾" }
summary:hover { background: color-mix(in srgb, var(--calm-bg) 45%, transparent) }
:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; border-radius: .25rem }
.folded > summary { padding: .5rem 1rem; color: var(--soft) }
.name { font-weight: 600; overflow-wrap: anywhere }
.more { padding: 0 1rem .9rem 1rem; border-top: 1px dashed var(--line) }
.more dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .6rem 0 0 }
.more dt { color: var(--soft) }
.more dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
.badge { display: inline-block; padding: 0 .55rem; border-radius: 1rem; font-size: .85rem;
  font-weight: 600; white-space: nowrap; justify-self: start }
.good { color: var(--good); background: var(--good-bg) }
.bad { color: var(--bad); background: var(--bad-bg) }
.warn { color: var(--warn); background: var(--warn-bg) }
.calm { color: var(--calm); background: var(--calm-bg) }
.verdict.good, .verdict.bad, .verdict.warn, .verdict.calm { border-color: currentColor }
.why { white-space: pre-wrap; overflow-wrap: anywhere }
.diff { margin: .6rem 0 0; padding: .5rem 0; overflow-x: auto; background: var(--page);
  border: 1px solid var(--line); border-radius: .35rem; tab-size: 4 }
.diff span { display: block; padding: 0 .75rem; min-width: max-content; min-height: 1.5em }
.diff .at { color: var(--soft) }
.diff .plus { color: var(--good); background: var(--good-bg) }
.diff .minus { color: var(--bad); background: var(--bad-bg) }
#reload-list { margin-top: .5rem }
.timeline { display: block; width: 100%; height: 3.5rem; padding: .5rem 1rem }
.timeline .ok { fill: var(--good) }
.timeline .fail { fill: var(--bad) }
.timeline .base { stroke: var(--line) }
.fresh { animation: fresh 2.5s ease-out }
@keyframes fresh { from { background-color: var(--calm-bg) } }
@media (prefers-reduced-motion: reduce) { .fresh { animation: none } }
footer { padding: 1.5rem 1rem 2.5rem; color: var(--soft); font-size: .9rem }
footer a { color: inherit }
@media (max-width: 44rem) {
  .row { grid-template-columns: auto 1fr; }
  .row .wide { grid-column: 1 / -1 }
  .row time { justify-self: end }
  .row .name + .wide + time, .row .last { grid-column: 1 / -1; justify-self: start }
  .more dl { grid-template-columns: 1fr; gap: 0 }
  .more dd { margin-bottom: .4rem }
}
`
