// Options of the help group Output.
import type { Option } from './option.ts'

export const outputOptions = {
  'log-level': {
    group: 'Output',
    type: 'choice',
    default: 'info',
    placeholder: 'level',
    choices: ['debug', 'info', 'warn', 'error', 'fatal', 'panic'],
    synonyms: { warning: 'warn' },
    help: 'the lowest level to log: debug, info, warn, error, fatal or panic',
  },
  'log-format': {
    group: 'Output',
    type: 'choice',
    default: 'text',
    placeholder: 'format',
    choices: ['text', 'json'],
    help: 'the format of the log: text or json',
  },
  diff: {
    group: 'Output',
    type: 'boolean',
    help: 'print the changes of each file as a diff, which shows values',
  },
  http: {
    group: 'Output',
    type: 'address',
    placeholder: 'host:port',
    help: 'serve a status page, /metrics, /healthz and /readyz at this address: HOST:PORT, :PORT for 127.0.0.1, or unix:PATH for a Unix socket',
  },
  'http-name': {
    group: 'Output',
    type: 'list',
    placeholder: 'name',
    env: ['CONFD_HTTP_NAMES'],
    toml: ['http_names', 'http-names'],
    help: "extra host name that the status page answers to, besides IP addresses, localhost, the host of -http and the machine's name; may be repeated",
  },
  'http-token': {
    group: 'Output',
    type: 'text',
    secret: true,
    placeholder: 'text',
    help: 'token that unlocks diffs on the status page (default: generated and kept in the state directory); flags are visible in ps, so use -http-token-file or CONFD_HTTP_TOKEN',
  },
  'http-token-file': {
    group: 'Output',
    type: 'text',
    placeholder: 'file',
    help: 'file with the token that unlocks diffs on the status page',
  },
  report: {
    group: 'Output',
    type: 'text',
    placeholder: 'file',
    help: 'write the results of a onetime run to this file, as JSON',
  },
  version: {
    group: 'Output',
    type: 'boolean',
    toml: null,
    env: [],
    aliases: ['v'],
    help: 'print the version and exit',
  },
  help: {
    group: 'Output',
    type: 'boolean',
    toml: null,
    env: [],
    aliases: ['h'],
    help: 'print this help and exit',
  },
} as const satisfies Record<string, Option>
