// Reads an HAProxy configuration as far as its servers are concerned: sections, lines, and the `server` lines of
// `backend` and `listen` sections with what they inherit. Everything else is only compared.
import { wordsOf } from './words.ts'

/** One `server` line. */
export interface ServerLine {
  readonly name: string
  readonly address: string
  /** Inherited from `default-server`, then its own; the last mention of an option counts. */
  readonly options: readonly string[]
  /** A word of it depends on the environment of HAProxy: it can be kept, and not be added or changed. */
  readonly isUncertain: boolean
}

/** What a section says of its servers as a whole; `defaults` may have said it before. */
export interface Terms {
  readonly mode: string
  /** The words after `balance`; none is `roundrobin`. */
  readonly balance: readonly string[]
  readonly hashType: readonly string[]
  readonly usesAllBackups: boolean
  readonly defaultServer: readonly string[]
  /** The same as text, which tells it from any other. */
  readonly inherited: string
  readonly isUncertain: boolean
}

export interface ServerSection {
  readonly name: string
  readonly terms: Terms
  readonly servers: readonly ServerLine[]
  /** Servers made by `server-template`, whose names are not in the file. */
  readonly hasTemplate: boolean
  /** The words after `use-server`, a line each. */
  readonly useServer: readonly (readonly string[])[]
}

/** A line that is no `server` line. */
export interface OtherLine {
  readonly text: string
  /** 1-based. */
  readonly line: number
}

export interface Configuration {
  /** By name. */
  readonly sections: ReadonlyMap<string, ServerSection>
  readonly others: readonly OtherLine[]
  /** Why the servers of this file are not known for certain. */
  readonly doubt?: string
  /** There is a `global` section: no other file before it says what `defaults` are. */
  readonly hasGlobal: boolean
  /** The `stats socket` lines, as words. */
  readonly sockets: readonly (readonly string[])[]
  /** The servers by their lines as they are written, with what they inherit. */
  readonly lines: ReadonlyMap<string, ServerLine>
}

const SECTIONS: ReadonlySet<string> = new Set([
  ...['global', 'defaults', 'frontend', 'backend', 'listen', 'peers', 'resolvers', 'mailers'],
  ...['userlist', 'program', 'http-errors', 'ring', 'cache', 'log-forward', 'fcgi-app'],
  ...['crt-store', 'traces', 'log-profile', 'acme'],
])
const PLAIN_TERMS: Terms = {
  mode: 'tcp',
  balance: [],
  hashType: [],
  usesAllBackups: false,
  defaultServer: [],
  inherited: '',
  isUncertain: false,
}

interface Open {
  readonly keyword: string
  readonly name: string
  terms: Terms
  readonly servers: ServerLine[]
  readonly useServer: (readonly string[])[]
  hasTemplate: boolean
  readonly names: Set<string>
}

/**
 * @param known another reading: lines that it has are taken from there, and are the same objects then. Of thousands of
 * servers a change concerns a few
 */
export function readConfiguration(text: string, known?: Configuration): Configuration {
  const reader = new Reader(known?.lines ?? new Map())
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) reader.line(lines[at] as string, at + 1)
  return reader.end()
}

class Reader {
  readonly #others: OtherLine[] = []
  readonly #sections = new Map<string, ServerSection>()
  readonly #defaults = new Map<string, Terms>()
  readonly #sockets: (readonly string[])[] = []
  readonly #lines = new Map<string, ServerLine>()
  #lastDefaults = PLAIN_TERMS
  #open: Open | undefined
  #conditions = 0
  #hasGlobal = false
  #doubt: string | undefined

  constructor(private readonly known: ReadonlyMap<string, ServerLine>) {}

  line(text: string, line: number): void {
    if (this.#open !== undefined && hasServers(this.#open) && this.#conditions === 0) {
      const key = keyOf(this.#open.terms, text)
      const server = this.known.get(key)
      if (server !== undefined) return this.#add(this.#open, server, key)
    }
    const read = wordsOf(text)
    if (read === undefined) {
      this.#doubtful(`line ${line} cannot be read`)
      return
    }
    const { words, isCertain } = read
    const [keyword, ...rest] = words
    if (keyword === undefined) return
    if (keyword.startsWith('.')) this.#condition(keyword)
    else if (SECTIONS.has(keyword)) this.#section(keyword, rest, line)
    else if (this.#open !== undefined && (keyword === 'server' || keyword === 'default-server')) {
      if (this.#conditions > 0) this.#doubtful(`line ${line} is subject to a condition (.if)`)
      if (keyword === 'server' && hasServers(this.#open)) {
        const server = serverLine(this.#open, rest, isCertain)
        this.#add(this.#open, server, keyOf(this.#open.terms, text))
        return
      }
    }
    this.#others.push({ text: words.join('\0'), line })
    if (this.#open !== undefined) this.#term(this.#open, words, isCertain)
    if (keyword === 'stats' && rest[0] === 'socket') this.#sockets.push(rest.slice(1))
  }

  end(): Configuration {
    this.#close()
    return {
      sections: this.#sections,
      others: this.#others,
      hasGlobal: this.#hasGlobal,
      sockets: this.#sockets,
      lines: this.#lines,
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
    if (this.#conditions > 0) this.#doubtful(`line ${line} is subject to a condition (.if)`)
    if (keyword === 'global') this.#hasGlobal = true
    if (!['defaults', 'backend', 'listen'].includes(keyword)) return
    const from = name === 'from' ? rest[0] : rest[rest.indexOf('from') + 1 || Infinity]
    const inherited = from === undefined ? undefined : this.#defaults.get(from)
    if (from !== undefined && inherited === undefined)
      this.#doubtful(`line ${line} names defaults that are not in this file`)
    const plain = keyword === 'defaults' ? PLAIN_TERMS : this.#lastDefaults
    const terms = inherited ?? plain
    this.#open = {
      keyword,
      name,
      terms,
      servers: [],
      useServer: [],
      hasTemplate: false,
      names: new Set(),
    }
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

  #add(open: Open, server: ServerLine, text: string): void {
    if (open.names.has(server.name))
      this.#doubtful(`${open.name} has two servers named ${server.name}`)
    open.names.add(server.name)
    open.servers.push(server)
    this.#lines.set(text, server)
  }

  #term(open: Open, words: readonly string[], isCertain: boolean): void {
    const [keyword = '', ...rest] = words
    const { terms } = open
    const set = (changed: Partial<Terms>): void => {
      open.terms = { ...terms, ...changed, isUncertain: terms.isUncertain || !isCertain }
    }
    if (keyword === 'mode') set({ mode: rest[0] ?? '' })
    else if (keyword === 'balance') set({ balance: rest })
    else if (keyword === 'hash-type') set({ hashType: rest })
    else if (keyword === 'default-server')
      set({
        defaultServer: [...terms.defaultServer, ...rest],
        inherited: `${terms.inherited}${isCertain ? '' : '?'}${rest.join('\0')}\n`,
      })
    else if (rest.includes('allbackups')) set({ usesAllBackups: keyword !== 'no' })
    else if (keyword === 'use-server') open.useServer.push(rest)
    else if (keyword.startsWith('server-template')) open.hasTemplate = true
  }
}

const hasServers = ({ keyword }: Open): boolean => keyword === 'backend' || keyword === 'listen'

/** The same key, the same server. */
const keyOf = ({ inherited, isUncertain }: Terms, text: string): string =>
  isUncertain ? `?${inherited}${text}` : inherited + text

function serverLine(
  { terms }: Open,
  [name = '', address = '', ...own]: readonly string[],
  isCertain: boolean,
): ServerLine {
  const options = terms.defaultServer.length === 0 ? own : [...terms.defaultServer, ...own]
  return { name, address, options, isUncertain: !isCertain || terms.isUncertain }
}
