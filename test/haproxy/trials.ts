// Finds out which options of a `server` line can be used at run time. For each option, it loads a server with the
// option and adds the same server with `add server`. It then compares the states that HAProxy reports for the two
// servers, and the requests and checks that arrive at a probe behind them. See options.test.ts.
import { writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { sendCommands } from '../../src/haproxy/client.ts'
import type { CertificateFiles } from '../support/certificates.ts'
import { HttpClient } from '../support/http.ts'
import { freePorts, serverBinary, ServerProcess, tempDir } from '../support/servers.ts'
import { until } from '../support/until.ts'
import { Probe } from './probe.ts'

/** Values that the examples use. */
interface Around {
  readonly files: { readonly ca: string; readonly crt: string }
  readonly agentPort: number
}

/**
 * Each option, together with the options that it needs to have an effect. Options that are missing here are not tried.
 */
const examples = ({ files, agentPort }: Around): Readonly<Record<string, string>> => {
  const check = 'check inter 100ms'
  const agent = `agent-check agent-port ${agentPort} agent-inter 100ms`
  const ssl = 'ssl verify none'
  return {
    addr: `${check} addr 127.0.0.77`,
    'agent-addr': `${agent} agent-addr 127.0.0.78`,
    'agent-check': agent,
    'agent-inter': agent,
    'agent-port': agent,
    'agent-send': `${agent} agent-send hello`,
    'allow-0rtt': `${ssl} allow-0rtt`,
    alpn: `${ssl} alpn http/1.1`,
    backup: 'backup',
    'ca-file': `ssl verify none ca-file ${files.ca}`,
    check,
    'check-alpn': `${check} check-ssl verify none check-alpn http/1.1`,
    'check-send-proxy': `${check} check-send-proxy`,
    'check-sni': `${check} check-ssl verify none check-sni example.com`,
    'check-ssl': `${check} check-ssl verify none`,
    ciphers: `${ssl} ssl-max-ver TLSv1.2 ciphers ECDHE-ECDSA-AES256-GCM-SHA384`,
    ciphersuites: `${ssl} ciphersuites TLS_CHACHA20_POLY1305_SHA256`,
    'client-sigalgs': `${ssl} client-sigalgs ecdsa_secp256r1_sha256`,
    cookie: 'cookie abc',
    crt: `${ssl} crt ${files.crt}`,
    curves: `${ssl} curves P-256`,
    downinter: `${check} downinter 200ms`,
    'error-limit': `${check} observe layer4 error-limit 5`,
    fall: `${check} fall 5`,
    fastinter: `${check} fastinter 50ms`,
    'force-tlsv12': `${ssl} force-tlsv12`,
    'force-tlsv13': `${ssl} force-tlsv13`,
    guid: 'guid GUID',
    'hash-key': 'hash-key addr',
    id: 'id 77',
    'idle-ping': 'idle-ping 5s',
    'init-addr': 'init-addr none',
    'init-state': `${check} init-state up`,
    inter: check,
    'log-bufsize': 'log-bufsize 100',
    'log-proto': 'log-proto legacy',
    'max-reuse': 'max-reuse 5',
    maxconn: 'maxconn 50',
    maxqueue: 'maxqueue 50',
    minconn: 'minconn 5 maxconn 50',
    'no-ssl-reuse': `${ssl} no-ssl-reuse`,
    'no-sslv3': `${ssl} no-sslv3`,
    'no-tls-tickets': `${ssl} no-tls-tickets`,
    'no-tlsv10': `${ssl} no-tlsv10`,
    'no-tlsv11': `${ssl} no-tlsv10 no-tlsv11`,
    'no-tlsv12': `${ssl} no-tlsv10 no-tlsv11 no-tlsv12`,
    'no-tlsv13': `${ssl} no-tlsv13`,
    'non-stick': 'non-stick',
    npn: `${ssl} npn http/1.1`,
    observe: `${check} observe layer7`,
    'on-error': `${check} observe layer4 on-error mark-down`,
    'on-marked-down': `${check} on-marked-down shutdown-sessions`,
    'on-marked-up': `${check} on-marked-up shutdown-backup-sessions`,
    'pool-conn-name': `${ssl} pool-conn-name str(x)`,
    'pool-low-conn': 'pool-low-conn 5',
    'pool-max-conn': 'pool-max-conn 5',
    'pool-purge-delay': 'pool-purge-delay 5s',
    port: `${check} port ${agentPort}`,
    proto: 'proto h2',
    'proxy-v2-options': 'send-proxy-v2 proxy-v2-options unique-id',
    redir: 'redir http://example.com',
    'resolve-opts': 'resolve-opts allow-dup-ip',
    'resolve-prefer': 'resolve-prefer ipv4',
    resolvers: 'resolvers dns',
    rise: `${check} rise 3`,
    'send-proxy': 'send-proxy',
    'send-proxy-v2': 'send-proxy-v2',
    'send-proxy-v2-ssl': 'send-proxy-v2-ssl',
    'send-proxy-v2-ssl-cn': 'send-proxy-v2-ssl-cn',
    'set-proxy-v2-tlv-fmt': 'send-proxy-v2 set-proxy-v2-tlv-fmt(0x20) x',
    shard: 'shard 1',
    sigalgs: `${ssl} sigalgs ecdsa_secp256r1_sha256`,
    // slowstart deliberately delays a returning server, so the delay here is short.
    slowstart: `${check} slowstart 50ms`,
    sni: `${ssl} sni str(example.com)`,
    socks4: 'socks4 127.0.0.1:9',
    ssl,
    'ssl-max-ver': `${ssl} ssl-max-ver TLSv1.2`,
    'ssl-min-ver': `${ssl} ssl-min-ver TLSv1.3`,
    'strict-maxconn': 'maxconn 5 strict-maxconn',
    'tcp-ut': 'tcp-ut 5s',
    tfo: 'tfo',
    track: 'track other/s',
    verify: ssl,
    verifyhost: `${ssl} verifyhost example.com`,
    weight: 'weight 50',
    ws: 'ws h1',
  }
}

/** The result for one option on one release. */
export interface Trial {
  readonly option: string
  /** The number of words that follow the option. A negative number means any number of words. */
  readonly args: number
  readonly outcome: 'same' | 'refused' | 'differs' | 'not tried'
  /** HAProxy's refusal, or the difference between the loaded server and the added one; '' if there is none. */
  readonly why: string
  /** Whether a server that was loaded with the option can be deleted. */
  readonly isDeletable: boolean
}

/** Returns the keywords that this HAProxy lists for a `server` line, with the number of their arguments. */
export function keywordsOf(program: string): ReadonlyMap<string, number> {
  const { path, env } = serverBinary(program)
  const args = ['-dKcfg', '-q', '-c', '-f', '/dev/null']
  // HAProxy lists the keywords, then exits with an error, since an empty file is not a configuration.
  const { stdout } = spawnSync(path, args, { encoding: 'utf8', env: { ...process.env, ...env } })
  const rows = [...stdout.matchAll(/^\s+server <name> <addr> (\S+)(?: \+(-?\d+))?/gm)]
  return new Map(rows.map(([, name = '', args]) => [name, Number(args ?? 0)]))
}

export async function tryOptions(
  program: string,
  certificate: CertificateFiles,
  files: Around['files'],
): Promise<readonly Trial[]> {
  const probe = new Probe(certificate)
  const { port, agentPort } = await probe.listen()
  const known = examples({ files, agentPort })
  const keywords = keywordsOf(program)
  const options = [...keywords.keys()].filter((name) => known[name] !== undefined)
  const haproxy = await Laboratory.start(
    program,
    port,
    options.map((name) => known[name] ?? ''),
  )
  try {
    const added = await haproxy.add(options.map((name) => known[name] ?? ''))
    await haproxy.use()
    const told = await haproxy.tell()
    const deleted = await haproxy.delete()
    const trials = options.map((option, n): Trial => {
      const about = { option, args: keywords.get(option) ?? 0, isDeletable: deleted[n] ?? false }
      const refusal = added[n]
      if (refusal !== undefined) return { ...about, outcome: 'refused', why: refusal }
      const [loaded, own] = [told.get(`l${n}`), told.get(`a${n}`)]
      const [first, second] = [sent(probe, 1, n), sent(probe, 2, n)]
      const why = [differing(loaded, own), first === second ? '' : `${first} / ${second}`]
      const isSame = why.every((one) => one === '')
      return { ...about, outcome: isSame ? 'same' : 'differs', why: why.join(' ').trim() }
    })
    const others = [...keywords].filter(([name]) => known[name] === undefined)
    return [
      ...trials,
      ...others.map(([option, args]): Trial => {
        return { option, args, outcome: 'not tried', why: '', isDeletable: false }
      }),
    ]
  } finally {
    probe.close()
    await haproxy.stop()
  }
}

const addressOf = (kind: number, n: number): string => `127.0.${kind}.${n + 1}`
const sent = (probe: Probe, kind: number, n: number): string =>
  JSON.stringify([...(probe.seen.get(addressOf(kind, n)) ?? [])].sort())

const differing = (
  loaded: ReadonlyMap<string, string> = new Map(),
  added: ReadonlyMap<string, string> = new Map(),
): string =>
  [...loaded]
    .filter(([name, value]) => value !== added.get(name))
    .map(([name, value]) => `${name}: ${value} / ${added.get(name)}`)
    .join(', ')

/** The columns of `show stat` that show the state of a server. Counters are left out. */
const COLUMNS = [
  ...['status', 'weight', 'act', 'bck', 'slim', 'qlimit', 'type', 'mode', 'cookie'],
  ...['check_status', 'check_rise', 'check_fall', 'check_health'],
  ...['agent_status', 'agent_rise', 'agent_fall', 'agent_health'],
]

/**
 * One HAProxy process with two backends for each option. One backend has a server that was loaded with the option. The
 * other backend is empty.
 */
class Laboratory {
  private constructor(
    private readonly server: ServerProcess,
    private readonly socket: string,
    private readonly port: number,
    private readonly serverPort: number,
    private readonly count: number,
  ) {}

  static async start(
    program: string,
    serverPort: number,
    options: readonly string[],
  ): Promise<Laboratory> {
    const [port = 0] = await freePorts(1)
    const dir = tempDir('options')
    const [config, socket] = [join(dir, 'haproxy.cfg'), join(dir, 'admin.sock')]
    const backends = options.flatMap((words, n) => [
      `backend l${n}`,
      `  server s ${addressOf(1, n)}:${serverPort} ${unique(words, 1, n)}`,
      `backend a${n}`,
    ])
    const text = [
      'global',
      `  stats socket ${socket} level admin`,
      'defaults',
      '  mode http',
      '  balance roundrobin',
      '  unique-id-format x',
      ...['connect', 'client', 'server'].map((what) => `  timeout ${what} 1s`),
      // On a busy machine, hundreds of concurrent TLS handshakes keep the probe busy for a while.
      '  timeout check 10s',
      'resolvers dns',
      '  nameserver none 127.0.0.1:9',
      'frontend all',
      `  bind 127.0.0.1:${port}`,
      '  use_backend %[req.hdr(x-backend)]',
      'backend other',
      '  server s 127.0.0.1:9 check',
      ...backends,
    ]
    writeFileSync(config, `${text.join('\n')}\n`)
    const server = new ServerProcess({
      name: program,
      args: ['-db', '-f', config],
      ready: () =>
        sendCommands(socket, ['show info']).then(
          () => true,
          () => false,
        ),
    })
    await server.start()
    return new Laboratory(server, socket, port, serverPort, options.length)
  }

  /** Adds the servers. Returns HAProxy's refusal for each server, by index; undefined if the server was added. */
  async add(options: readonly string[]): Promise<readonly (string | undefined)[]> {
    const answers = await sendCommands(
      this.socket,
      options.map((words, n) => {
        const [address, added] = [addressOf(2, n), unique(words, 2, n)]
        return `add server a${n}/s ${address}:${this.serverPort} ${added}`
      }),
    )
    const commands = options.flatMap((words, n) => [
      ...(/\bcheck\b/.test(words) ? [`enable health a${n}/s`] : []),
      ...(words.includes('agent-check') ? [`enable agent a${n}/s`] : []),
      `set server a${n}/s state ready`,
      ...(words.includes('agent-check') ? [`set server a${n}/s agent up`] : []),
    ])
    await sendCommands(this.socket, commands)
    return answers.map((answer) => (/New server registered\.$/.test(answer) ? undefined : answer))
  }

  /** Sends a request to each server and waits until HAProxy has checked the servers. */
  async use(): Promise<void> {
    const client = new HttpClient(`http://127.0.0.1:${this.port}`)
    const numbers = Array.from({ length: this.count }, (_, n) => n)
    const backends = numbers.flatMap((n) => [`l${n}`, `a${n}`])
    // The result of a request does not matter, because the probe speaks neither HTTP/2 nor the PROXY protocol.
    const request = (name: string): Promise<unknown> =>
      client.send('GET', '/', undefined, { 'x-backend': name }).catch(() => undefined)
    await Promise.all(backends.map(request))
    client.close()
    const settled = async (): Promise<boolean> =>
      [...(await this.tell()).values()].every((row) => !/INI/.test(row.get('check_status') ?? ''))
    await until('all checks have ended', settled)
  }

  /** Returns the state of each server, by its backend. */
  async tell(): Promise<ReadonlyMap<string, ReadonlyMap<string, string>>> {
    const [text = ''] = await sendCommands(this.socket, ['show stat -1 4 -1'])
    const [head = [], ...rows] = text.split('\n').map((line) => line.replace(/^# /, '').split(','))
    return new Map(
      rows.map((row) => [
        row[0] ?? '',
        // An asterisk means that a further check is running.
        new Map(COLUMNS.map((name) => [name, row[head.indexOf(name)]?.replace(/^\* /, '') ?? ''])),
      ]),
    )
  }

  /** Deletes the loaded servers. Returns for each server whether HAProxy allowed the deletion. */
  async delete(): Promise<readonly boolean[]> {
    const numbers = Array.from({ length: this.count }, (_, n) => n)
    await sendCommands(
      this.socket,
      numbers.map((n) => `set server l${n}/s state maint`),
    )
    const answers = await sendCommands(
      this.socket,
      numbers.map((n) => `del server l${n}/s`),
    )
    return answers.map((answer) => answer === 'Server deleted.')
  }

  stop(): Promise<void> {
    return this.server.stop()
  }
}

/** Gives each server its own GUID. */
const unique = (words: string, kind: number, n: number): string =>
  words.replace('GUID', `g${kind}-${n}`)
