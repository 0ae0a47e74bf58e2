// The template of a small HAProxy configuration: one frontend on loopback, and one backend with the given servers.

interface Parts {
  readonly port: number
  /** The lines of `global`. */
  readonly global: string
  /** The lines of `backend web`, as template text. */
  readonly servers: string
  /** Timeouts of clients and servers; default 5s. */
  readonly client?: string
  readonly server?: string
}

export const haproxyTemplate = ({
  port,
  global,
  servers,
  client = '5s',
  server = '5s',
}: Parts): string => `global
    ${global}
defaults
    mode http
    timeout connect 2s
    timeout client ${client}
    timeout server ${server}
frontend web
    bind 127.0.0.1:${port}
    default_backend web
backend web
${servers}
`

/** Returns a line of `global`: a socket with admin rights, which can also hand over the listening sockets. */
export const adminSocket = (path: string): string =>
  `stats socket ${path} mode 600 level admin expose-fd listeners`

/** Returns template text with one server for each key below a directory. */
export const serversBelow = (dir: string, options = ''): string => `{% for s in range("${dir}") %}
    server {{ base(s.key) }} {{ s.value }}${options}
{% endfor %}`
