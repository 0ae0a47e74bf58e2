// What runs in the browser: puts in the parts of the page that are sent anew, and lets the ages grow.
// The page is whole without it. Told here as a function, so that it is checked; sent as its source.
import { ageOf } from './ages.ts'

function live(age: (ms: number) => string): void {
  type Node = {
    id: string
    open: boolean
    outerHTML: string
    textContent: string | null
    dateTime: string
    hidden: boolean
    href: string
    classList: { add(name: string): void }
    querySelectorAll(selector: string): Iterable<Node>
    focus(options?: object): void
  }
  type Browser = {
    document: {
      title: string
      activeElement: Node | null
      getElementById(id: string): Node | null
      querySelectorAll(selector: string): Iterable<Node>
    }
    EventSource: new (url: string) => {
      onopen: () => void
      onerror: () => void
      addEventListener(name: string, take: (event: { data: string }) => void): void
    }
    setInterval(act: () => void, ms: number): void
  }
  const browser = globalThis as unknown as Browser
  const { document, EventSource } = browser
  // The daemon's clock counts, not that of who looks.
  let ahead = 0
  const grow = (): void => {
    for (const time of document.querySelectorAll('time')) {
      const text = age(Date.now() - ahead - Date.parse(time.dateTime))
      if (time.textContent !== text) time.textContent = text
    }
  }
  /** What is open stays open, and what has the focus keeps it. */
  const put = (id: string, text: string): void => {
    const old = document.getElementById(id)
    if (old === null) return
    const open = [...old.querySelectorAll('details[open]')].map((one) => one.id)
    const known = new Set([...old.querySelectorAll('[id]')].map((one) => one.id))
    const focused = document.activeElement?.id ?? ''
    old.outerHTML = text
    const fresh = document.getElementById(id)
    if (fresh === null) return
    for (const one of fresh.querySelectorAll('[id]')) {
      if (open.includes(one.id)) one.open = true
      if (!known.has(one.id)) one.classList.add('fresh')
    }
    if (focused !== '' && known.has(focused)) {
      document.getElementById(focused)?.focus({ preventScroll: true })
    }
  }
  const lost = (is: boolean): void => {
    const note = document.getElementById('lost')
    if (note !== null) note.hidden = !is
  }
  const events = new EventSource('/events')
  events.onopen = () => lost(false)
  events.onerror = () => lost(true)
  events.addEventListener('part', ({ data }) => {
    const { id, text, now } = JSON.parse(data) as { id: string; text: string; now: number }
    ahead = Date.now() - now
    put(id, text)
    grow()
  })
  events.addEventListener('title', ({ data }) => {
    const { title, icon } = JSON.parse(data) as { title: string; icon: string }
    document.title = title
    const link = document.getElementById('icon')
    if (link !== null) link.href = icon
  })
  browser.setInterval(grow, 1000)
}

export const script = `(${live.toString()})(${ageOf.toString()})`
