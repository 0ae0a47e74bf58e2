// What has to be done for a running HAProxy to be as if it had loaded a file: the difference between the file that
// it was brought to last, the new one, and its servers as they are. Pure. In doubt it is a reload.
import type { RunningServer } from './process.ts'
import type { Configuration, OtherLine, ServerLine, ServerSection } from './sections.ts'
import {
  refusedOn,
  serverOf,
  undeletable,
  type Place,
  type Server,
  type Version,
} from './server.ts'
import { dependsOnOrder, isDynamic, numbersServers } from './balance.ts'

/** Why it takes a reload. */
export interface Reason {
  /** A short name for metrics. */
  readonly code: string
  /** A sentence without a full stop; no words of a file but names of servers and options. */
  readonly text: string
}

/** A server that is leaving: it gets no new connections, and is deleted when it has none. */
export interface Leaving {
  readonly backend: string
  readonly name: string
  /** As it was defined: it may come back meanwhile. */
  readonly line: ServerLine
}

export type Change = { readonly backend: string; readonly name: string } & (
  | { readonly kind: 'add'; readonly place: Place; readonly server: Server }
  /** It was leaving, and stays. */
  | { readonly kind: 'return'; readonly server: Server }
  | { readonly kind: 'place'; readonly place: Place }
  | { readonly kind: 'weight'; readonly weight: number }
  | { readonly kind: 'state'; readonly server: Server }
  | { readonly kind: 'remove'; readonly line: ServerLine; readonly gently: boolean }
)

export interface Difference {
  readonly changes: readonly Change[]
  /** Servers whose state somebody has changed by hand: it stays. */
  readonly byHand: readonly string[]
}

/** How a process is. */
export interface Running {
  readonly version: Version
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, RunningServer>>
  /** By `backend/server`. */
  readonly leaving: ReadonlyMap<string, Leaving>
}

export type Decision =
  | { readonly kind: 'runtime'; readonly difference: Difference }
  | { readonly kind: 'reload'; readonly reason: Reason }

class Reload extends Error {
  constructor(readonly reason: Reason) {
    super(reason.text)
  }
}

const reload = (code: string, text: string): never => {
  throw new Reload({ code, text })
}

/** @param base what the process was brought to last */
export function decide(base: Configuration, next: Configuration, running: Running): Decision {
  try {
    const doubt = base.doubt ?? next.doubt
    if (doubt !== undefined) reload('doubt', doubt)
    compareOthers(base.others, next.others)
    const changes: Change[] = []
    const byHand: string[] = []
    for (const [name, section] of next.sections) {
      const former = base.sections.get(name)
      if (former === undefined) continue // the section itself is a line that differs
      const own = new SectionDifference(former, section, next, running)
      changes.push(...own.changes())
      byHand.push(...own.byHand)
    }
    return { kind: 'runtime', difference: { changes: inOrder(changes), byHand } }
  } catch (error) {
    if (error instanceof Reload) return { kind: 'reload', reason: error.reason }
    throw error
  }
}

/** New servers first, and leaving ones last: there is never less capacity than both files have. */
function inOrder(changes: readonly Change[]): readonly Change[] {
  const rank = ({ kind }: Change): number => (kind === 'add' ? 0 : kind === 'remove' ? 2 : 1)
  return changes.toSorted((one, other) => rank(one) - rank(other))
}

function compareOthers(before: readonly OtherLine[], after: readonly OtherLine[]): void {
  for (let at = 0; at < Math.max(before.length, after.length); at++) {
    const [former, line] = [before[at], after[at]]
    if (former?.text === line?.text) continue
    const where = line === undefined ? 'lines are gone at the end' : `line ${line.line} differs`
    reload('other-lines', `${where}, and it is not a server`)
  }
}

/** The servers of one section. */
class SectionDifference {
  readonly byHand: string[] = []
  readonly #former: ReadonlyMap<string, ServerLine>
  readonly #running: ReadonlyMap<string, RunningServer>
  readonly #name: string
  readonly #changes: Change[] = []

  constructor(
    private readonly before: ServerSection,
    private readonly after: ServerSection,
    private readonly file: Configuration,
    private readonly running: Running,
  ) {
    this.#name = after.name
    this.#former = new Map(before.servers.map((server) => [server.name, server]))
    this.#running = running.backends.get(after.name) ?? new Map()
  }

  changes(): readonly Change[] {
    for (const line of this.after.servers) this.#server(line)
    const wanted = new Set(this.after.servers.map(({ name }) => name))
    for (const name of this.#running.keys()) if (!wanted.has(name)) this.#remove(name)
    this.#structure()
    return this.#changes
  }

  #reload(code: string, server: string, text: string): never {
    return reload(code, `${this.#name}/${server} ${text}`)
  }

  #server(line: ServerLine): void {
    const { name } = line
    const actual = this.#running.get(name)
    if (actual === undefined) return this.#add(line)
    const leaving = this.running.leaving.get(`${this.#name}/${name}`)
    const former = leaving?.line ?? this.#former.get(name)
    if (former === undefined) {
      this.#reload(
        'unknown-server',
        name,
        'was added by somebody else, with options that are not known',
      )
    }
    const isSame = isSameLine(former, line)
    const server = serverOf(line)
    if (former.isUncertain || line.isUncertain || server.unknown !== undefined) {
      if (!isSame || leaving !== undefined)
        this.#reload('doubt', name, 'has words whose meaning is not known here')
      return
    }
    const own = isSame ? server : serverOf(former)
    if (!isSame) this.#compareOptions(name, own, server)
    if (former.address !== line.address || server.place !== undefined)
      this.#place(name, server, actual)
    this.#weight(name, server, actual)
    if (leaving !== undefined)
      this.#changes.push({ kind: 'return', backend: this.#name, name, server })
    else this.#state(name, own, server, actual)
  }

  #add(line: ServerLine): void {
    const { name } = line
    const { running, file } = this
    if (line.isUncertain) this.#reload('doubt', name, 'has words whose meaning is not known here')
    if (!file.hasGlobal)
      this.#reload(
        'doubt',
        name,
        'may inherit from another file, since this one has no global section',
      )
    const server = serverOf(line)
    const { place, unknown, options } = server
    if (unknown !== undefined) this.#reload('options', name, `has the unknown option ${unknown}`)
    const [refused] = refusedOn(running.version, options)
    if (refused !== undefined) {
      const text = `has the option ${refused}, which HAProxy ${running.version.join('.')} does not take at run time`
      this.#reload('options', name, text)
    }
    if (place === undefined) this.#reload('address', name, 'has no literal address with a port')
    const words = [name, this.#name, ...options.keys(), ...options.values()]
    if (!words.every((word) => COMMAND_WORD.test(word)))
      this.#reload('words', name, 'has words that are not written into a command')
    this.#changes.push({ kind: 'add', backend: this.#name, name, place, server })
  }

  #compareOptions(name: string, former: Server, server: Server): void {
    const differing = [...new Set([...former.options.keys(), ...server.options.keys()])].find(
      (option) => former.options.get(option) !== server.options.get(option),
    )
    if (differing !== undefined)
      this.#reload(
        'options',
        name,
        `changes its option ${differing}, which cannot be set at run time`,
      )
  }

  #place(name: string, { place, options }: Server, actual: RunningServer): void {
    if (place === undefined) this.#reload('address', name, 'has no literal address with a port')
    if (place.address === actual.place.address && place.port === actual.place.port) return
    if (options.has('hash-key')) this.#reload('options', name, 'moves, and has the option hash-key')
    this.#changes.push({ kind: 'place', backend: this.#name, name, place })
  }

  #weight(name: string, { weight, options }: Server, actual: RunningServer): void {
    // The agent of a server sets its weight.
    if (weight === actual.weight || options.has('agent-check')) return
    this.#changes.push({ kind: 'weight', backend: this.#name, name, weight })
  }

  #state(name: string, former: Server, server: Server, actual: RunningServer): void {
    const { isDisabled } = server
    if (former.isDisabled !== isDisabled) {
      if (actual.isMaintained !== isDisabled)
        this.#changes.push({ kind: 'state', backend: this.#name, name, server })
    } else if (actual.isMaintained !== isDisabled || actual.isDrained) {
      this.byHand.push(`${this.#name}/${name}`)
    }
  }

  #remove(name: string): void {
    const id = `${this.#name}/${name}`
    // Not known: made by server-template, or already on its way.
    if (this.running.leaving.has(id)) return
    const line = this.#former.get(name)
    if (line === undefined) {
      if (this.after.hasTemplate) return
      this.#reload('unknown-server', name, 'is in no file: somebody has added it')
    }
    const { options } = serverOf(line)
    const option = undeletable(options)
    if (option !== undefined)
      this.#reload('options', name, `has the option ${option}, with which it cannot be deleted`)
    const isTracked = [...this.before.servers].some((other) => this.#tracks(other, name))
    if (isTracked || this.after.useServer.some((words) => words.includes(name)))
      this.#reload('referenced', name, 'is named by track or use-server')
    const gently = options.has('on-marked-down')
    this.#changes.push({ kind: 'remove', backend: this.#name, name, line, gently })
  }

  #tracks({ options }: ServerLine, name: string): boolean {
    const tracked = options[options.indexOf('track') + 1]
    return options.includes('track') && (tracked === name || tracked === `${this.#name}/${name}`)
  }

  /** What a section as a whole has to be for its servers to come and go. */
  #structure(): void {
    const { before, after } = this
    const { terms } = after
    const isRearranged = this.#changes.some(({ kind }) => kind === 'add' || kind === 'remove')
    const isWeighed = this.#changes.some(({ kind }) => kind === 'weight')
    const because = (code: string, text: string): never => reload(code, `${this.#name} ${text}`)
    if (isRearranged || isWeighed) {
      if (terms.isUncertain) because('doubt', 'depends on the environment of HAProxy')
      if (!isDynamic(terms))
        because('balance', 'has a static balance, which fixes servers and weights')
    }
    if (isRearranged) {
      if (after.hasTemplate) because('server-template', 'has a server-template beside its servers')
      if (terms.mode !== 'http' && terms.mode !== 'tcp') because('mode', `has mode ${terms.mode}`)
      if (numbersServers(terms) && [...before.servers, ...after.servers].some(hasNoId))
        because('ids', 'balances by the numbers of its servers, and not every server has an id')
    }
    if (dependsOnOrder(terms) && namesOf(before) !== namesOf(after) && after.servers.some(hasNoId))
      because('order', 'balances by the order of its servers, and it changes')
    if (!terms.usesAllBackups) this.#backups()
  }

  /** Of several backups the first one is used: they have to be in the order of the file. */
  #backups(): void {
    const wanted = this.after.servers
      .filter(({ options }) => options.includes('backup'))
      .map(({ name }) => name)
    if (wanted.length < 2) return
    const actual = [...this.#running.keys(), ...wanted.filter((name) => !this.#running.has(name))]
    const order = actual.filter((name) => wanted.includes(name))
    if (order.join() !== wanted.join())
      reload('order', `${this.#name} has backups in another order`)
  }
}

/** What can stand in a command as it is: no blanks, quotes, escapes, separators or comments. */
const COMMAND_WORD = /^[\w.,:/@%=+*!()[\]{}?~^-]*$/

const isSameLine = (one: ServerLine, other: ServerLine): boolean =>
  one === other ||
  (one.address === other.address &&
    one.options.length === other.options.length &&
    one.options.every((word, at) => word === other.options[at]))

const hasNoId = ({ options }: ServerLine): boolean => !options.includes('id')
const namesOf = ({ servers }: ServerSection): string => servers.map(({ name }) => name).join()
