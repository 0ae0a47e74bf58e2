// The style sheet of the status page: light and dark, wide and narrow, without external fonts or images. Each
// state is shown by a word, a symbol and a shape, never by a colour alone.
export const style = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --line: #d9dde3; --text: #1a1f26;
  --soft: #545d69; --good: #176b38; --good-bg: #dff3e5; --bad: #a3171d; --bad-bg: #fde5e5;
  --stale: #7d4a00; --stale-bg: #fdeecb; --held: #5b2a86; --held-bg: #f1e7fb; --owed: #8a3800;
  --owed-bg: #ffe5d3; --calm: #2b557f; --calm-bg: #e3eefa; --focus: #1f6feb }
@media (prefers-color-scheme: dark) { :root { --page: #101419; --card: #181e25; --line: #323b46;
  --text: #e4e8ed; --soft: #a2adba; --good: #7ddc9c; --good-bg: #143522; --bad: #ff9c9c;
  --bad-bg: #461a1c; --stale: #f4c875; --stale-bg: #40300f; --held: #d9b8ff; --held-bg: #35214b;
  --owed: #ffb380; --owed-bg: #46260f; --calm: #9ecbff; --calm-bg: #17304a; --focus: #79b8ff } }
* { box-sizing: border-box }
[hidden] { display: none !important }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap }
body { margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif }
header, main, footer { max-width: 76rem; margin: 0 auto; padding: 0 1rem }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; padding-top: 1.25rem }
h1 { font-size: 1.25rem; margin: 0 }
h2 { font-size: 1rem; margin: 1.75rem 0 .5rem }
h3 { font-size: .95rem; margin: 1.5rem 0 .4rem }
p { margin: .25rem 0 }
a { color: var(--calm) }
.soft, time, figcaption { color: var(--soft) }
time { white-space: nowrap; font-variant-numeric: tabular-nums }
code, pre { font: 13px/1.5 ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace }
code, .break { overflow-wrap: anywhere }
.line { display: block; overflow-wrap: anywhere }
.verdict { margin: 1rem 0 0; padding: .75rem 1rem; border-radius: .5rem; font-size: 1.1rem;
  font-weight: 600; border-left: .35rem solid currentColor }
.verdict .fault { font-weight: 400; font-size: .95rem; margin-top: .4rem; color: var(--text) }
.lost { position: sticky; top: 0; z-index: 1; padding: .5rem 1rem; background: var(--stale-bg);
  color: var(--stale); text-align: center }
ul, ol { list-style: none; margin: 0; padding: 0 }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: .5rem; margin-top: .75rem }
.tile { display: flex; flex-direction: column; padding: .4rem .75rem; border-radius: .5rem;
  text-decoration: none; border: 2px solid transparent }
.tile .count { font-size: 1.5rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums }
.tile.none { color: var(--soft); background: var(--card); border-color: var(--line) }
.tile.none .count { font-weight: 400 }
.tile:hover, .tile[aria-current] { border-color: currentColor }
.tile[aria-current]::after { content: "shown alone, click for all"; font-size: .75rem }
.head { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; margin-top: 1.75rem }
.head h2 { margin: 0 0 .5rem }
#search { margin-left: auto }
#search input[type=search] { font: inherit; width: 17rem; max-width: 100%; padding: .2rem .6rem;
  color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: .35rem }
.cards, table { background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
.cards { overflow: hidden }
.cards > li + li, .inner > li { border-top: 1px solid var(--line) }
.inner { padding-left: 1rem }
.empty { padding: .75rem 1rem; border: 1px dashed var(--line); border-radius: .5rem; color: var(--soft) }
table { width: 100%; border-collapse: separate; border-spacing: 0 }
thead th { text-align: left; font-size: .8rem; font-weight: 500; color: var(--soft) }
th, td { padding: .3rem .75rem; vertical-align: baseline; text-align: left }
thead th:nth-child(1) { width: 7rem } thead th:nth-child(2) { width: 22% }
thead th:nth-child(4) { width: 7.5rem } thead th:nth-child(5) { width: 14.5rem }
thead th:nth-child(6) { width: 4.5rem }
tbody td, tbody th { border-top: 1px solid var(--line) }
tbody .reason td { border-top: 0; padding-top: 0 }
tbody th { font-weight: 600; overflow-wrap: anywhere }
tbody th a { color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em }
tbody tr:hover { background: color-mix(in srgb, var(--calm-bg) 35%, transparent) }
tbody td:first-child { border-left: .3rem solid transparent; white-space: nowrap }
tbody.bad td:first-child { border-left: .3rem solid var(--bad) }
tbody.held td:first-child { border-left: .3rem double var(--held) }
tbody.owed td:first-child { border-left: .3rem dashed var(--owed) }
tbody.stale td:first-child { border-left: .3rem dotted var(--stale) }
.number { text-align: right; font-variant-numeric: tabular-nums }
.yes { color: var(--good) } .no { color: var(--bad); font-weight: 700 }
.row { display: grid; grid-template-columns: 7.5rem minmax(9rem, 1.2fr) 2.5fr 5.5rem; gap: .25rem 1rem;
  align-items: baseline; padding: .5rem 1rem }
.row > * { min-width: 0 }
.row > time { text-align: right }
summary { cursor: pointer }
summary.row { list-style: none }
summary.row::-webkit-details-marker { display: none }
summary.row .name::after { content: " ▸"; color: var(--soft) }
details[open] > summary.row .name::after { content: " ▾" }
summary:hover { background: color-mix(in srgb, var(--calm-bg) 45%, transparent) }
:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; border-radius: .25rem }
.folded > summary:not(.row) { padding: .5rem 1rem; color: var(--soft) }
.name { font-weight: 600; overflow-wrap: anywhere }
a.name { color: inherit; text-decoration-color: var(--line) }
.more { padding: 0 1rem .9rem 1rem; border-top: 1px dashed var(--line) }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; margin: .6rem 0 0 }
dt { color: var(--soft) }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
.badge { display: inline-block; padding: 0 .55rem; border: 1px solid transparent; border-radius: 1rem;
  font-size: .85rem; font-weight: 600; white-space: nowrap; justify-self: start }
.good { color: var(--good); background: var(--good-bg) }
.bad { color: var(--bad); background: var(--bad-bg) }
.stale { color: var(--stale); background: var(--stale-bg) }
.held { color: var(--held); background: var(--held-bg) }
.owed { color: var(--owed); background: var(--owed-bg) }
.calm { color: var(--calm); background: var(--calm-bg) }
tbody.good, tbody.bad, tbody.stale, tbody.held, tbody.owed, tbody.calm { color: inherit; background: none }
.badge.bad { border-radius: .15rem; color: var(--card); background: var(--bad) }
.badge.held { border-radius: .15rem; border: 3px double currentColor; padding: 0 .4rem }
.badge.owed { border: 2px dashed currentColor; padding: 0 .45rem }
.badge.stale { border: 1px dotted currentColor }
div.reason { margin: .75rem 0; padding: .6rem 1rem; border-radius: .35rem }
.copy { white-space: nowrap }
.copy code { padding: .1rem .4rem; background: var(--page); border: 1px solid var(--line);
  border-radius: .25rem; white-space: normal }
.copy button { margin-left: .35rem; font: inherit; font-size: .8rem; color: var(--calm); cursor: pointer;
  background: none; border: 1px solid var(--line); border-radius: .25rem }
.commands { display: flex; flex-wrap: wrap; gap: .5rem 1rem; margin: .75rem 0 }
.plain li { padding: .1rem 0; overflow-wrap: anywhere }
.run { padding: .6rem 1rem }
.diff, .output { margin: .6rem 0 0; padding: .5rem 0; overflow-x: auto; background: var(--page);
  border: 1px solid var(--line); border-radius: .35rem; tab-size: 4 }
.output { padding: .5rem .75rem }
.diff span { display: block; padding: 0 .75rem; min-width: max-content; min-height: 1.5em }
.diff .at { color: var(--soft) }
.diff .plus { color: var(--good); background: var(--good-bg) }
.diff .minus { color: var(--bad); background: var(--bad-bg) }
#reload-list { margin-top: .5rem }
.chart { padding: .5rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
.chart label { margin-right: .75rem }
.legend { float: right; font-size: .9rem } .legend .ok { margin-right: .75rem }
.chart figure { display: none; margin: .25rem 0 0 }
#window-0:checked ~ .window-0, #window-1:checked ~ .window-1 { display: block }
.chart svg { display: block; overflow: visible }
.chart text { fill: var(--soft); font-size: 11px }
.grid { stroke: var(--line) }
.ok { color: var(--good); fill: currentColor } .fail { color: var(--bad) }
.fail path { stroke: var(--bad); stroke-width: 2.5 }
figcaption { font-size: .85rem }
.fresh { animation: fresh 2.5s ease-out }
@keyframes fresh { from { background-color: var(--calm-bg) } }
@media (prefers-reduced-motion: reduce) { .fresh { animation: none } }
footer { padding: 1.5rem 1rem 2.5rem; color: var(--soft); font-size: .9rem }
footer a { color: inherit }
@media (max-width: 52rem) {
  .tiles { grid-template-columns: repeat(3, 1fr) }
  #search, #search input[type=search] { width: 100%; margin: 0 0 .5rem }
  .row { grid-template-columns: auto 1fr }
  .row .wide { grid-column: 1 / -1 }
  .row time { justify-self: end }
  .row .name + .wide + time { grid-column: 1 / -1; justify-self: start }
  table, tbody, tr, td, tbody th { display: block }
  thead { display: none }
  tbody tr { display: flex; flex-wrap: wrap; gap: .1rem .75rem; padding: .4rem .75rem;
    border-top: 1px solid var(--line) }
  tbody tr.reason { border-top: 0 }
  tbody td, tbody th, tbody .reason td { border: 0; padding: 0; text-align: left }
  tbody td:first-child { padding-left: .3rem }
  tbody tr.reason { padding-top: 0 }
  tbody .reason td:first-child { display: none }
  tbody th { flex: 1 1 12rem }
  td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-size: .85rem }
  .copy { white-space: normal }
  dl { grid-template-columns: 1fr; gap: 0 }
  dd { margin-bottom: .4rem }
}
`
