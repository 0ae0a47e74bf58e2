// Parses the servers of an HAProxy configuration: sections, and the `server` lines of `backend` and `listen`
// sections with their inherited options. All other lines are only compared.
import { serverLine, type ServerLine } from './server.ts'
import { splitWords } from './words.ts'

/** The settings of a section that concern all its servers, including those from `defaults`. */
export interface BalanceTerms {
  readonly mode: string
  /** The words after `balance`; empty means `roundrobin`. */
  readonly balance: readonly string[]
  readonly hashType: readonly string[]
  readonly usesAllBackups: boolean
  /** Whether health checks run a program (`option external-check`). */
  readonly hasExternalChecks: boolean
  /** Whether HAProxy computes the cookie of each server (`dynamic-cookie-key`). */
  readonly hasDynamicCookies: boolean
  readonly defaultServer: readonly string[]
  /** The inherited settings as text, for comparison. */
  readonly inherited: string
  /** Why these settings cannot be determined; continues a sentence about the section or a server of it. */
  readonly doubt?: string
}

export interface ServerSection {
  readonly name: string
  readonly terms: BalanceTerms
  /** Servers by name, in the order of the file. */
  readonly servers: ReadonlyMap<string, ServerLine>
  /** Whether the section has a `server-template`, whose servers are not listed in the file. */
  readonly hasTemplate: boolean
  /** The words after `use-server`, one array per line. */
  readonly useServer: readonly (readonly string[])[]
}

/** A line other than a `server` line. */
export interface OtherLine {
  readonly text: string
  /** 1-based. */
  readonly line: number
}

export interface HaproxyConfig {
  /** By section name. */
  readonly sections: ReadonlyMap<string, ServerSection>
  readonly others: readonly OtherLine[]
  /** Why the servers of this file cannot be determined. */
  readonly doubt?: string
  /** The `stats socket` lines, as words. */
  readonly sockets: readonly (readonly string[])[]
}

const SECTIONS: ReadonlySet<string> = new Set([
  ...['global', 'defaults', 'frontend', 'backend', 'listen', 'peers', 'resolvers', 'mailers'],
  ...['userlist', 'program', 'http-errors', 'ring', 'cache', 'log-forward', 'fcgi-app'],
  ...['crt-store', 'traces', 'log-profile', 'acme'],
])
const PLAIN_TERMS: BalanceTerms = {
  mode: 'tcp',
  balance: [],
  hashType: [],
  usesAllBackups: false,
  hasExternalChecks: false,
  hasDynamicCookies: false,
  defaultServer: [],
  inherited: '',
}
/** Settings of a section of an incomplete file: HAProxy may have loaded the defaults from another file before it. */
const FOREIGN_TERMS: BalanceTerms = {
  ...PLAIN_TERMS,
  doubt:
    'may inherit settings from another file, because no global or defaults section precedes it',
}
const CONDITIONAL = 'has settings inside a condition (.if)'
const ENVIRONMENT = 'depends on the environment of HAProxy'

interface OpenSection {
  readonly keyword: string
  readonly name: string
  terms: BalanceTerms
  readonly servers: Map<string, ServerLine>
  readonly useServer: (readonly string[])[]
  hasTemplate: boolean
}

/**
 * Servers by their inherited settings, then by their literal line. Equal lines of successive files share one object, so
 * that only changed servers are parsed and compared again.
 */
export type KnownLines = Map<string, Map<string, ServerLine>>

/** @param known servers of earlier files; the servers of this file are added */
export function readConfiguration(text: string, known: KnownLines = new Map()): HaproxyConfig {
  const reader = new ConfigReader(known)
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) reader.line(lines[at] as string, at + 1)
  return reader.end()
}

class ConfigReader {
  readonly #others: OtherLine[] = []
  readonly #sections = new Map<string, ServerSection>()
  readonly #defaults = new Map<string, BalanceTerms>()
  readonly #sockets: (readonly string[])[] = []
  /** The known lines with the inherited settings of the open section. */
  #knownHere = new Map<string, ServerLine>()
  #lastDefaults = FOREIGN_TERMS
  #open: OpenSection | undefined
  #conditions = 0
  #doubt: string | undefined

  constructor(private readonly known: KnownLines) {}

  line(text: string, line: number): void {
    if (this.#open !== undefined && hasServers(this.#open) && this.#conditions === 0) {
      const server = this.#knownHere.get(text)
      if (server !== undefined) return this.#add(this.#open, server)
    }
    const read = splitWords(text)
    if (read === undefined) {
      this.#doubtful(`line ${line} cannot be parsed`)
      return
    }
    const { words, isCertain } = read
    const [keyword, ...rest] = words
    if (keyword === undefined) return
    if (keyword.startsWith('.')) this.#condition(keyword)
    else if (SECTIONS.has(keyword)) this.#section(keyword, rest, line)
    else if (this.#open !== undefined && (keyword === 'server' || keyword === 'default-server')) {
      if (this.#conditions > 0) this.#doubtful(`line ${line} is inside a condition (.if)`)
      if (keyword === 'server' && hasServers(this.#open)) {
        const server = lineOf(this.#open, rest, isCertain)
        this.#knownHere.set(copied(text), server)
        return this.#add(this.#open, server)
      }
    }
    this.#others.push({ text: words.join('\0'), line })
    if (this.#open !== undefined) this.#term(this.#open, words, isCertain)
    if (keyword === 'stats' && rest[0] === 'socket') this.#sockets.push(rest.slice(1))
  }

  end(): HaproxyConfig {
    this.#close()
    return {
      sections: this.#sections,
      others: this.#others,
      sockets: this.#sockets,
      ...(this.#doubt === undefined ? {} : { doubt: this.#doubt }),
    }
  }

  #doubtful(why: string): void {
    this.#doubt ??= why
  }

  #condition(keyword: string): void {
    if (keyword === '.if') this.#conditions++
    if (keyword === '.endif') this.#conditions--
  }

  #section(keyword: string, [name = '', ...rest]: readonly string[], line: number): void {
    this.#close()
    this.#open = undefined
    if (this.#conditions > 0) this.#doubtful(`line ${line} is inside a condition (.if)`)
    if (keyword === 'global' && this.#lastDefaults === FOREIGN_TERMS)
      this.#lastDefaults = PLAIN_TERMS
    if (!['defaults', 'backend', 'listen'].includes(keyword)) return
    const from = name === 'from' ? rest[0] : rest[rest.indexOf('from') + 1 || Infinity]
    const inherited = from === undefined ? undefined : this.#defaults.get(from)
    if (from !== undefined && inherited === undefined)
      this.#doubtful(`line ${line} refers to defaults that are not in this file`)
    const plain = keyword === 'defaults' ? PLAIN_TERMS : this.#lastDefaults
    const terms = inherited ?? plain
    this.#open = {
      keyword,
      name,
      terms,
      servers: new Map(),
      useServer: [],
      hasTemplate: false,
    }
    this.#knownHere = knownFor(terms, this.known)
  }

  #close(): void {
    const open = this.#open
    if (open === undefined) return
    const { keyword, name, terms } = open
    if (keyword === 'defaults') {
      this.#lastDefaults = terms
      this.#defaults.set(name, terms)
      return
    }
    if (this.#sections.has(name)) this.#doubtful(`there are two sections named ${name}`)
    this.#sections.set(name, open)
  }

  #add(open: OpenSection, server: ServerLine): void {
    const { size } = open.servers
    open.servers.set(server.name, server)
    if (open.servers.size === size)
      this.#doubtful(`${open.name} has two servers named ${server.name}`)
  }

  #term(open: OpenSection, words: readonly string[], isCertain: boolean): void {
    const [keyword = '', ...rest] = words
    const { terms } = open
    const set = (changed: Partial<BalanceTerms>): void => {
      const doubt = this.#conditions > 0 ? CONDITIONAL : isCertain ? undefined : ENVIRONMENT
      open.terms = { ...terms, ...(doubt === undefined ? {} : { doubt }), ...changed }
      this.#knownHere = knownFor(open.terms, this.known)
    }
    if (keyword === 'mode') set({ mode: rest[0] ?? '' })
    else if (keyword === 'balance') set({ balance: rest })
    else if (keyword === 'hash-type') set({ hashType: rest })
    else if (keyword === 'default-server')
      set({
        defaultServer: [...terms.defaultServer, ...rest],
        inherited: `${terms.inherited}${rest.join('\0')}\n`,
      })
    else if (rest.includes('allbackups')) set({ usesAllBackups: keyword === 'option' })
    // A later line that chooses other checks is ignored; at worst, this causes an unnecessary reload.
    else if (rest.includes('external-check')) set({ hasExternalChecks: true })
    else if (keyword === 'dynamic-cookie-key') set({ hasDynamicCookies: true })
    else if (keyword === 'use-server') open.useServer.push(rest)
    else if (keyword.startsWith('server-template')) open.hasTemplate = true
  }
}

const hasServers = ({ keyword }: OpenSection): boolean =>
  keyword === 'backend' || keyword === 'listen'

function knownFor(
  { inherited, doubt = '' }: BalanceTerms,
  known: KnownLines,
): Map<string, ServerLine> {
  const key = `${doubt}\n${inherited}`
  let lines = known.get(key)
  if (lines === undefined) known.set(key, (lines = new Map<string, ServerLine>()))
  return lines
}

/** Copies a line, because V8 keeps the whole text in memory as long as a substring of it is in use. */
const copied = (line: string): string => Buffer.from(line, 'latin1').toString('latin1')

function lineOf(
  { terms }: OpenSection,
  [name = '', address = '', ...own]: readonly string[],
  isCertain: boolean,
): ServerLine {
  const options = terms.defaultServer.length === 0 ? own : [...terms.defaultServer, ...own]
  return serverLine(name, address, options, isCertain ? terms.doubt : ENVIRONMENT)
}
