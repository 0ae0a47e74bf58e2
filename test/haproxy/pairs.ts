// Random pairs of HAProxy configurations. The second configuration is the first one after a few edits, like those that
// people and templates make. SOCKET, PORT and SERVERS are placeholders for values that differ between runs.
import fc from 'fast-check'

export interface Pair {
  readonly before: string
  readonly after: string
}

interface Line {
  readonly name: string
  readonly address: string
  readonly options: readonly string[]
}

interface Backend {
  readonly name: string
  readonly lines: readonly string[]
  readonly servers: readonly Line[]
}

interface File {
  /** What follows `level admin` in the line of the socket. */
  readonly socket: string
  readonly defaults: readonly string[]
  readonly backends: readonly Backend[]
  readonly comment: string
}

const NAMES = ['n1', 'n2', 'n3', 'n4', 'a.b', 's_1-2', 'x:y', 'help']
const nameOf = fc.constantFrom(...NAMES)
const address = fc.oneof(
  { weight: 12, arbitrary: fc.integer({ min: 1, max: 9 }).map((n) => `127.0.0.${n}:SERVERS`) },
  fc.constantFrom('[::1]:SERVERS', '::1:SERVERS', '127.1:SERVERS', 'localhost:SERVERS'),
  fc.constantFrom('127.0.0.9', 'ipv4@127.0.0.3:SERVERS', '127.0.0.4:+0', 'unix@/nonexistent'),
  fc.constantFrom('0.0.0.0:SERVERS', '*:SERVERS', '[::ffff:127.0.0.5]:SERVERS'),
)
// `redir` is left out, because HAProxy 3.2 exits at the first request to a server with this option.
const option = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 256 }).map((n) => `weight ${n}`) },
  {
    weight: 6,
    arbitrary: fc.constantFrom('backup', 'disabled', 'check', 'cookie c1', 'cookie c2'),
  },
  fc.constantFrom(
    ...['check inter 100ms rise 1', 'check port SERVERS', 'check addr 127.0.0.8', 'no-check'],
    ...['maxconn 5', 'minconn 2 maxconn 9', 'maxqueue 3', 'id 11', 'id 12', 'id 13', 'enabled'],
    ...['send-proxy', 'ssl verify none', 'on-marked-down shutdown-sessions', 'resolvers dns'],
    ...['init-addr none', 'track n1', 'track other/o1', 'non-stick'],
    ...['slowstart 50ms', 'observe layer4 error-limit 9 check', 'pool-max-conn 0', 'no-backup'],
    ...['proto h2', 'ws h1', 'source 127.0.0.1', "cookie 'c 3'", 'cookie "c\\\\4"', 'weight "7"'],
    ...['check inter 100ms ssl verify none', 'check inter 100ms send-proxy', 'no-check-ssl'],
    ...['agent-check agent-port 9 agent-inter 1h', 'tfo', 'hash-key addr', 'guid g1', '# end'],
    ...['weight 0x10', 'weight 007', 'send-proxy-v2', 'no-send-proxy-v2', 'no-send-proxy'],
    ...['check inter 100ms ssl verify none alpn h2', 'check inter 100ms proto h2', 'minconn 2'],
  ),
)
const server: fc.Arbitrary<Line> = fc.record({
  name: nameOf,
  address,
  options: fc.array(option, { maxLength: 3 }),
})
const balance = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('balance roundrobin', 'balance leastconn', '') },
  fc.constantFrom(
    ...['balance random', 'balance first', 'balance static-rr', 'balance uri', 'balance source'],
    ...['balance uri\n    hash-type consistent', 'balance hdr(x-key)\n    hash-type consistent'],
    'balance uri\n    hash-type map-based',
  ),
)
const term = fc.constantFrom(
  ...['option allbackups', 'cookie SRV insert indirect nocache', 'use-server n1 if FALSE'],
  ...['default-server check inter 100ms', 'default-server weight 9', 'default-server backup'],
  ...['default-server disabled', 'server-template t 1-2 127.0.0.7:SERVERS', 'timeout connect 3s'],
  ...['option external-check\n    external-check command /bin/true', 'option tcp-check'],
  ...['dynamic-cookie-key abc\n    cookie SRV insert dynamic', 'option ssl-hello-chk'],
  ...[
    'http-request deny if { srv_conn(web/n1) gt 9 }',
    'http-request deny if { srv_conn(n2) gt 9 }',
  ],
  ...['option httpchk', 'fullconn 9', '.if defined(X)\n    server cond 127.0.0.1:SERVERS\n.endif'],
  ...[
    'disabled',
    'http-reuse always',
    'source 127.0.0.9',
    'option tcp-check\n    tcp-check connect ssl',
  ],
  ...[
    'default-server send-proxy-v2-ssl',
    'default-server send-proxy',
    'stick-table type ip size 9',
  ],
  '.if defined(X)\n    balance random\n    .else\n    balance uri\n    hash-type consistent\n    .endif',
  'balance uri\n    hash-type consistent\n    .if defined(X)\n    balance random\n    .endif',
)
const backend = (name: string): fc.Arbitrary<Backend> =>
  fc.record({
    name: fc.constant(name),
    lines: fc
      .tuple(balance, fc.oneof({ weight: 3, arbitrary: fc.constant('') }, term))
      .map((lines) => lines.filter((line) => line !== '')),
    servers: fc.uniqueArray(server, { maxLength: 6, selector: ({ name: own }) => own }),
  })
const file: fc.Arbitrary<File> = fc.record({
  socket: fc.constantFrom('', 'severity-output number', 'severity-output string'),
  defaults: fc.array(
    fc.constantFrom('default-server check inter 100ms', 'balance leastconn', 'option redispatch'),
    { maxLength: 1 },
  ),
  backends: fc.tuple(backend('web'), backend('api')),
  comment: fc.constantFrom('', '# a comment', '\t ', 'defaults'),
})

/** One edit of a backend. */
type Edit = (backend: Backend) => Backend
const at = <T>(all: readonly T[], n: number): number => (all.length === 0 ? 0 : n % all.length)
const edited = (servers: readonly Line[], n: number, change: (line: Line) => Line): Line[] =>
  servers.map((line, index) => (index === at(servers, n) ? change(line) : line))
const onServers =
  (change: (servers: readonly Line[]) => readonly Line[]): Edit =>
  (one) => ({ ...one, servers: change(one.servers) })

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 5, arbitrary: server.map((line) => onServers((all) => withServer(all, line))) },
  {
    weight: 4,
    arbitrary: fc
      .nat()
      .map((n) => onServers((all) => all.filter((_, index) => index !== at(all, n)))),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.nat(), fc.integer({ min: 1, max: 9 }))
      .map(([n, host]) =>
        onServers((all) =>
          edited(all, n, (line) => ({ ...line, address: `127.0.0.${host}:SERVERS` })),
        ),
      ),
  },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.nat(), option)
      .map(([n, more]) =>
        onServers((all) =>
          edited(all, n, (line) => ({ ...line, options: [...line.options, more] })),
        ),
      ),
  },
  {
    weight: 2,
    arbitrary: fc
      .nat()
      .map((n) =>
        onServers((all) => edited(all, n, (line) => ({ ...line, options: line.options.slice(1) }))),
      ),
  },
  fc.constant(onServers((all) => [...all].reverse())),
  term.map((line): Edit => (one) => ({ ...one, lines: [...one.lines, line] })),
  fc.constant<Edit>((one) => ({ ...one, lines: one.lines.slice(1) })),
)

const withServer = (all: readonly Line[], line: Line): readonly Line[] =>
  all.some(({ name }) => name === line.name) ? all : [...all, line]

export const pair: fc.Arbitrary<Pair> = fc
  .tuple(
    file,
    fc.array(edit, { minLength: 1, maxLength: 3 }),
    fc.nat(),
    fc.constantFrom('', '# new'),
  )
  .map(([before, edits, which, comment]) => {
    const n = which % 2
    const backends = before.backends.map((one, index) =>
      index === n ? edits.reduce((changed, change) => change(changed), one) : one,
    )
    const after = { ...before, backends, comment: `${before.comment}${comment}` }
    return { before: textOf(before), after: textOf(after) }
  })

function textOf({ socket, defaults, backends, comment }: File): string {
  const lines = [
    'global',
    `    stats socket SOCKET level admin ${socket}`,
    '    external-check',
    '    insecure-fork-wanted',
    'resolvers dns',
    '    nameserver none 127.0.0.1:9',
    'defaults',
    '    mode http',
    ...['connect 300ms', 'queue 300ms', 'client 30s', 'server 30s', 'check 5s'].map(
      (what) => `    timeout ${what}`,
    ),
    '    retries 0',
    ...defaults.map((line) => `    ${line}`),
    `    ${comment.startsWith('#') ? comment : ''}`,
    'frontend all',
    '    bind 127.0.0.1:PORT',
    '    use_backend %[req.hdr(x-backend)]',
    'backend other',
    '    server o1 127.0.0.1:SERVERS check',
    ...backends.flatMap(({ name, lines: own, servers }) => [
      `backend ${name}`,
      ...own.map((line) => `    ${line}`),
      ...servers.map((line) => `    server ${line.name} ${line.address} ${line.options.join(' ')}`),
    ]),
  ]
  return `${lines.join('\n')}\n`
}
