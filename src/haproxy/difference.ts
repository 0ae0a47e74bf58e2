// From the file last applied, the new file and the actual servers, computes the changes that bring a running HAProxy
// to the state it would have after loading the new file. Pure. When in doubt, decides on a reload.
import type { HaproxyConfig, OtherLine, ServerSection } from './sections.ts'
import {
  canonical,
  refusedOn,
  undeletable,
  type ServerAddress,
  type Server,
  type ServerLine,
  type ReleaseVersion,
  type RunningServer,
} from './server.ts'
import { isReferenced } from './references.ts'
import { whyReload } from './arrangement.ts'

/** Why a reload is needed. */
export interface ReloadReason {
  /** Short name for metrics. */
  readonly code: string
  /** A sentence without a full stop. Quotes from the file only names of sections, servers, options and modes. */
  readonly text: string
}

/**
 * A server being removed. It gets no new connections and is deleted when its last connection has closed or its drain
 * time is over.
 */
export interface Leaving {
  readonly backend: string
  readonly name: string
  /** The previous definition of the server, in case the server comes back. */
  readonly line: ServerLine
}

export type ServerChange = { readonly backend: string; readonly name: string } & (
  | { readonly kind: 'add'; readonly place: ServerAddress; readonly server: Server }
  /** A server being removed comes back. */
  | { readonly kind: 'return'; readonly server: Server }
  | { readonly kind: 'place'; readonly place: ServerAddress }
  | { readonly kind: 'weight'; readonly weight: number }
  | { readonly kind: 'state'; readonly server: Server }
  | { readonly kind: 'remove'; readonly line: ServerLine; readonly gently: boolean }
)

export interface Difference {
  readonly changes: readonly ServerChange[]
  /** Servers whose state an operator has changed by hand. reconfd keeps that state. */
  readonly byHand: readonly string[]
}

/** The actual state of an HAProxy process. */
export interface RunningState {
  readonly version: ReleaseVersion
  readonly backends: ReadonlyMap<string, ReadonlyMap<string, RunningServer>>
  /** By `backend/server`. */
  readonly leaving: ReadonlyMap<string, Leaving>
}

export type Decision =
  | { readonly kind: 'runtime'; readonly difference: Difference }
  | { readonly kind: 'reload'; readonly reason: ReloadReason }

class ReloadNeeded extends Error {
  constructor(readonly reason: ReloadReason) {
    super(reason.text)
  }
}

const reload = (code: string, text: string): never => {
  throw new ReloadNeeded({ code, text })
}

/** @param base the configuration last applied to the process */
export function decide(base: HaproxyConfig, next: HaproxyConfig, running: RunningState): Decision {
  try {
    const doubt = base.doubt ?? next.doubt
    if (doubt !== undefined) reload('doubt', doubt)
    compareOthers(base.others, next.others)
    const changes: ServerChange[] = []
    const byHand: string[] = []
    for (const [name, section] of next.sections) {
      const former = base.sections.get(name)
      if (former === undefined) continue // compareOthers() reports the new section
      const own = new SectionDifference(former, section, base, next, running)
      changes.push(...own.changes())
      byHand.push(...own.byHand)
    }
    return { kind: 'runtime', difference: { changes: inOrder(changes), byHand } }
  } catch (error) {
    if (error instanceof ReloadNeeded) return { kind: 'reload', reason: error.reason }
    throw error
  }
}

/** Adds servers first and removes them last, so that the capacity never falls below that of the smaller file. */
function inOrder(changes: readonly ServerChange[]): readonly ServerChange[] {
  const rank = ({ kind }: ServerChange): number => (kind === 'add' ? 0 : kind === 'remove' ? 2 : 1)
  return changes.toSorted((one, other) => rank(one) - rank(other))
}

function compareOthers(before: readonly OtherLine[], after: readonly OtherLine[]): void {
  for (let at = 0; at < Math.max(before.length, after.length); at++) {
    const [former, line] = [before[at], after[at]]
    if (former?.text === line?.text) continue
    const why =
      line === undefined
        ? 'lines other than server lines were removed at the end of the file'
        : `line ${line.line} differs and is not a server line`
    reload('other-lines', why)
  }
}

/** Computes the changes to the servers of one section. */
class SectionDifference {
  readonly byHand: string[] = []
  /** By name. */
  readonly #leaving = new Map<string, Leaving>()
  readonly #running: ReadonlyMap<string, RunningServer>
  readonly #name: string
  readonly #changes: ServerChange[] = []

  constructor(
    private readonly before: ServerSection,
    private readonly after: ServerSection,
    private readonly base: HaproxyConfig,
    private readonly file: HaproxyConfig,
    private readonly running: RunningState,
  ) {
    this.#name = after.name
    for (const one of running.leaving.values())
      if (one.backend === after.name) this.#leaving.set(one.name, one)
    this.#running = running.backends.get(after.name) ?? new Map()
  }

  changes(): readonly ServerChange[] {
    const wanted = this.after.servers
    let present = 0
    for (const line of wanted.values()) if (this.#server(line)) present++
    if (present < this.#running.size)
      for (const name of this.#running.keys()) if (!wanted.has(name)) this.#remove(name)
    const reason = whyReload(
      this.before,
      this.after,
      this.#changes,
      this.#running,
      this.running.version,
    )
    if (reason !== undefined) throw new ReloadNeeded(reason)
    return this.#changes
  }

  #reload(code: string, server: string, text: string): never {
    return reload(code, `${this.#name}/${server} ${text}`)
  }

  /** @returns whether the process has the server */
  #server(line: ServerLine): boolean {
    const { name } = line
    const actual = this.#running.get(name)
    if (actual === undefined) {
      this.#add(line)
      return false
    }
    const known = this.before === this.after ? line : this.before.servers.get(name)
    const leaving = this.#leaving.size === 0 ? undefined : this.#leaving.get(name)
    // The usual case, kept cheap because there may be thousands of servers.
    const isSettled = leaving === undefined && known === line && actual === line.asWritten
    if (!isSettled) this.#compare(line, actual, known, leaving)
    return true
  }

  #compare(
    line: ServerLine,
    actual: RunningServer,
    known: ServerLine | undefined,
    leaving: Leaving | undefined,
  ): void {
    const { name, server } = line
    const former = leaving?.line ?? known
    if (former === undefined) {
      this.#reload('unknown-server', name, 'was added by another client with unknown options')
    }
    const isSame = isSameLine(former, line)
    const { unknown } = server
    const doubt = line.doubt ?? former.doubt ?? (unknown && uninterpreted(unknown))
    if (doubt !== undefined) {
      if (!isSame || leaving !== undefined) this.#reload('doubt', name, doubt)
      return
    }
    const own = isSame ? server : former.server
    if (!isSame) this.#compareOptions(name, own, server)
    if (former.address !== line.address || server.place !== undefined)
      this.#place(name, own, server, actual)
    this.#weight(name, own, server, actual)
    if (leaving !== undefined)
      this.#changes.push({ kind: 'return', backend: this.#name, name, server })
    else this.#state(name, own, server, actual)
  }

  #add(line: ServerLine): void {
    const { name, server } = line
    const { version } = this.running
    if (line.doubt !== undefined) this.#reload('doubt', name, line.doubt)
    const { place, unknown, options } = server
    if (unknown !== undefined) this.#reload('options', name, uninterpreted(unknown))
    const [refused] = refusedOn(version, options)
    if (refused !== undefined) {
      const text = `has the option ${refused}, which HAProxy ${version.join('.')} does not support at run time`
      this.#reload('options', name, text)
    }
    this.#track(name, options.get('track'))
    if (place === undefined) this.#reload('address', name, 'has no literal address with a port')
    const words = [name, this.#name, ...options.keys(), ...options.values()]
    if (!words.every((word) => COMMAND_WORD.test(word)))
      this.#reload('words', name, 'has characters that are not allowed in a command')
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

  /** An added server does not inherit the maintenance of the server that it tracks. */
  #track(name: string, tracked: string | undefined): void {
    if (tracked === undefined) return
    const [server = '', backend = this.#name] = tracked.split('/').reverse()
    if (this.file.sections.get(backend)?.servers.get(server)?.server.isDisabled === true)
      this.#reload('options', name, `tracks ${backend}/${server}, which is disabled`)
  }

  #place(name: string, former: Server, { place, options }: Server, actual: RunningServer): void {
    if (place === undefined) this.#reload('address', name, 'has no literal address with a port')
    if (place.address === actual.address && place.port === actual.port) return
    if (former.place === undefined) {
      if (options.has('resolvers'))
        this.#reload('address', name, 'has resolvers, which would replace its new address')
      if (canonical(actual.address) === undefined)
        this.#reload('address', name, 'changes to an IP address, but had none before')
    }
    if (options.has('hash-key'))
      this.#reload('options', name, 'changes its address and has the option hash-key')
    this.#changes.push({ kind: 'place', backend: this.#name, name, place })
  }

  #weight(name: string, former: Server, { weight, options }: Server, actual: RunningServer): void {
    // The agent sets the weight, as a percentage of the weight in the file.
    if (options.has('agent-check')) {
      if (weight !== former.weight)
        this.#reload('options', name, 'has an agent-check and changes its weight')
      return
    }
    if (weight === actual.weight) return
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
    // The server is already being removed.
    if (this.#leaving.has(name)) return
    const line = this.before.servers.get(name)
    if (line === undefined) {
      // The server was created by server-template.
      if (this.after.hasTemplate) return
      this.#reload('unknown-server', name, 'is not in the file: another client has added it')
    }
    const { options } = line.server
    const option = undeletable(options)
    if (option !== undefined)
      this.#reload('options', name, `has the option ${option}, which prevents its deletion`)
    if (isReferenced(this.base, id))
      this.#reload(
        'referenced',
        name,
        'is referenced by track, use-server or a fetch such as srv_is_up',
      )
    const gently = options.has('on-marked-down')
    this.#changes.push({ kind: 'remove', backend: this.#name, name, line, gently })
  }
}

const uninterpreted = (option: string): string =>
  `has the option ${option}, which reconfd cannot interpret`

/** Words that a command can contain literally: no blanks, quotes, escapes, separators or comments. */
const COMMAND_WORD = /^[\w.,:/@%=+*!()[\]{}?~^-]*$/

const isSameLine = (one: ServerLine, other: ServerLine): boolean =>
  one === other ||
  (one.address === other.address &&
    one.options.length === other.options.length &&
    one.options.every((word, at) => word === other.options[at]))
