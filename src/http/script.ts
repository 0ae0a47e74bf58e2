// The browser's script: replaces the parts that the server sends again, updates ages, filters rows while the user
// types, and shows a resource at `#/NAME`. The page is complete without the script. The script is written as a
// function, so that the compiler checks it; the source of the function is sent to the browser.
import { ageOf } from './ages.ts'

/** The parts of the DOM that the script uses. They are declared here because the build has no DOM types. */
interface Element {
  id: string
  open: boolean
  checked: boolean
  outerHTML: string
  textContent: string | null
  value: string
  dateTime: string
  hidden: boolean
  href: string
  dataset: Record<string, string | undefined>
  classList: { add(name: string): void; toggle(name: string, on: boolean): void }
  querySelector(selector: string): Element | null
  querySelectorAll(selector: string): Iterable<Element>
  closest(selector: string): Element | null
  setAttribute(name: string, value: string): void
  removeAttribute(name: string): void
  setSelectionRange(start: number, end: number): void
  focus(options?: object): void
}

interface Pressed {
  target: Element
  preventDefault(): void
  ctrlKey: boolean
  metaKey: boolean
}

interface Source {
  onopen: () => void
  onerror: () => void
  addEventListener(name: string, take: (event: { data: string }) => void): void
  close(): void
}

interface Browser {
  document: {
    title: string
    activeElement: Element | null
    getElementById(id: string): Element | null
    querySelector(selector: string): Element | null
    querySelectorAll(selector: string): Iterable<Element>
    addEventListener(name: string, act: (event: Pressed) => void): void
  }
  location: { hash: string; search: string }
  history: { replaceState(state: null, unused: string, url: string): void }
  navigator: { clipboard?: { writeText(text: string): Promise<void> } }
  EventSource: new (url: string) => Source
  addEventListener(name: string, act: () => void): void
  setInterval(act: () => void, ms: number): void
  setTimeout(act: () => void, ms: number): void
  scrollTo(x: number, y: number): void
}

function live(age: (ms: number) => string): void {
  const browser = globalThis as unknown as Browser
  const { document, EventSource, location } = browser
  const find = (id: string): Element | null => document.getElementById(id)
  // Milliseconds by which the browser's clock is ahead of the daemon's. Ages must follow the daemon's clock.
  let ahead = 0
  const grow = (): void => {
    for (const time of document.querySelectorAll('time')) {
      const text = age(Date.now() - ahead - Date.parse(time.dateTime))
      if (time.textContent !== text) time.textContent = text
    }
  }

  const asked = new URLSearchParams(location.search)
  let tile = asked.get('state') ?? ''
  let search = asked.get('q') ?? ''
  /** Hides the rows that do not match; without scripts, the server omits them. */
  const filter = (): void => {
    let shown = 0
    let all = 0
    const words = search.toLowerCase()
    for (const row of document.querySelectorAll('tbody[data-name]')) {
      const text = `${row.textContent ?? ''} ${row.dataset['files'] ?? ''}`.toLowerCase()
      row.hidden = (tile !== '' && row.dataset['tile'] !== tile) || !text.includes(words)
      all++
      if (!row.hidden) shown++
    }
    const isFiltered = tile !== '' || search !== ''
    const more = find('more-resources')
    if (more !== null) {
      if (isFiltered) more.open = true
      more.hidden = more.querySelector('tbody[data-name]:not([hidden])') === null
    }
    const count = find('shown')
    const text = isFiltered ? `${shown} of ${all}` : ''
    if (count !== null && count.textContent !== text) count.textContent = text
    const nothing = find('nothing')
    if (nothing !== null) nothing.hidden = shown > 0 || all === 0
    for (const one of document.querySelectorAll('[data-tile].tile')) {
      if (one.dataset['tile'] === tile) one.setAttribute('aria-current', 'true')
      else one.removeAttribute('aria-current')
    }
    const field = find('q')
    if (field !== null && field.value !== search) field.value = search
  }
  const choose = (name: string, text: string): void => {
    tile = name
    search = text
    const query = new URLSearchParams({
      ...(tile && { state: tile }),
      ...(search && { q: search }),
    })
    browser.history.replaceState(null, '', `/${query.size > 0 ? `?${query.toString()}` : ''}`)
    filter()
  }

  /** Replaces a part. Its elements stay open, selected and focused as they were. */
  const put = (id: string, text: string): void => {
    const old = find(id)
    if (old === null) return
    const open = [...old.querySelectorAll('details[open]')].map((one) => one.id)
    const chosen = [...old.querySelectorAll('input:checked')].map((one) => one.id)
    const known = new Set([...old.querySelectorAll('[id]')].map((one) => one.id))
    const focused = document.activeElement?.id ?? ''
    old.outerHTML = text
    const fresh = find(id)
    if (fresh === null) return
    for (const one of fresh.querySelectorAll('[id]')) {
      if (open.includes(one.id)) one.open = true
      if (chosen.includes(one.id)) one.checked = true
      if (!known.has(one.id) && known.size > 0) one.classList.add('fresh')
    }
    for (const button of fresh.querySelectorAll('[data-copy]')) button.hidden = false
    filter()
    if (focused === '' || !known.has(focused)) return
    const again = find(focused)
    again?.focus({ preventScroll: true })
    if (focused === 'q') again?.setSelectionRange(search.length, search.length)
  }

  const lost = (is: boolean): void => {
    const note = find('lost')
    if (note !== null) note.hidden = !is
  }
  let events: Source | undefined
  const look = (resource: string): void => {
    events?.close()
    const wish = resource === '' ? '' : `?resource=${encodeURIComponent(resource)}`
    const source = new EventSource(`/events${wish}`)
    events = source
    source.onopen = () => lost(false)
    source.onerror = () => lost(true)
    source.addEventListener('part', ({ data }) => {
      const { id, text, now } = JSON.parse(data) as { id: string; text: string; now: number }
      ahead = Date.now() - now
      put(id, text)
      grow()
    })
    source.addEventListener('title', ({ data }) => {
      const { title, icon } = JSON.parse(data) as { title: string; icon: string }
      document.title = title
      const link = find('icon')
      if (link !== null) link.href = icon
    })
  }

  const OVERVIEW = ['program', 'tiles', 'stores', 'resources', 'changes', 'reloads']
  let shown = asked.get('resource') ?? ''
  /** Shows the view of the address: `#/NAME` is the page of a resource, anything else the overview. */
  const go = (): void => {
    const [, name = ''] = /^#\/(.*)$/.exec(location.hash) ?? []
    shown = name === '' ? '' : decodeURIComponent(name)
    for (const id of OVERVIEW) {
      const part = find(id)
      if (part !== null) part.hidden = shown !== ''
    }
    const page = find('resource')
    if (page !== null) page.hidden = shown === ''
    if (shown !== '') browser.scrollTo(0, 0)
    look(shown)
  }

  document.addEventListener('click', (event) => {
    const { target } = event
    if (event.ctrlKey || event.metaKey) return
    const copy = target.closest('[data-copy]')
    if (copy !== null) {
      const text = copy.dataset['copy'] ?? ''
      const done = (word: string): void => {
        copy.textContent = word
        browser.setTimeout(() => (copy.textContent = 'copy'), 1500)
      }
      // Browsers allow writing to the clipboard only on localhost and over TLS.
      const writing = browser.navigator.clipboard?.writeText(text)
      if (writing === undefined) done('select it and press Ctrl+C')
      else
        void writing.then(
          () => done('copied'),
          () => done('not allowed'),
        )
      return
    }
    const chosen = target.closest('a.tile')
    if (chosen !== null) {
      event.preventDefault()
      const name = chosen.dataset['tile'] ?? ''
      choose(name === tile ? '' : name, search)
      return
    }
    const link = target.closest('a[href]')
    if (link === null) return
    const to = new URL(link.href)
    if (link.closest('#nothing') !== null) {
      event.preventDefault()
      choose('', '')
    } else if (to.pathname === '/' && to.hash === '') {
      event.preventDefault()
      const resource = to.searchParams.get('resource') ?? ''
      location.hash = resource === '' ? '' : `#/${encodeURIComponent(resource)}`
    }
  })
  document.addEventListener('input', ({ target }) => {
    if (target.id === 'q') choose(tile, target.value)
  })
  document.addEventListener('submit', (event) => event.preventDefault())
  browser.addEventListener('hashchange', go)
  for (const button of document.querySelectorAll('[data-copy]')) button.hidden = false
  if (shown !== '') {
    browser.history.replaceState(null, '', `/#/${encodeURIComponent(shown)}`)
  }
  go()
  filter()
  browser.setInterval(grow, 1000)
}

export const script = `(${live.toString()})(${ageOf.toString()})`
