// Reads `[template.haproxy]`, which lists the sockets of the HAProxy processes that reconfd changes without a reload
// where possible.
import type { Fault } from '../core/fault.ts'
import type { HaproxySpec } from '../core/resource.ts'
import type { TomlPath } from './positions.ts'
import type { KeySpec } from './schema.ts'
import { readTable } from './table.ts'
import type { TomlDocument } from './toml.ts'

const DRAIN = 30_000

/** The keys of `[template.haproxy]`. */
export const haproxyKeys = {
  socket: {
    type: 'one or more',
    required: true,
    doc: 'The `stats socket` with level admin, as a path or "host:port"; an array if several processes load the file.',
  },
  drain: {
    type: 'duration',
    doc: 'The time that a removed server has to finish its connections; default 30s.',
  },
} as const satisfies Record<string, KeySpec>

/**
 * Reads the table of the template at `path`; undefined if there is none. Adds faults to `faults`.
 * @param reloadsProgram whether a change reloads the program of exec mode instead of running a reload_cmd
 */
export function readHaproxy(
  document: TomlDocument,
  path: TomlPath,
  template: {
    readonly haproxy?: Readonly<Record<string, unknown>>
    readonly reload_cmd?: string
    readonly for_each?: string
  },
  reloadsProgram: boolean,
  faults: Fault[],
): HaproxySpec | undefined {
  if (template.haproxy === undefined) return undefined
  const at = [...path, 'haproxy']
  const fault = (where: TomlPath, message: string, hint: string): void =>
    void faults.push(document.fault(where, 'value', message, hint))
  const { socket, drain = DRAIN } = readTable(document, at, template.haproxy, haproxyKeys, faults)
  const sockets = socket ?? []
  if (socket?.length === 0)
    fault([...at, 'socket'], 'socket is empty', 'set it to the stats socket of HAProxy')
  const good = sockets.filter(isSocketAddress)
  const bad = sockets.find((socket) => !isSocketAddress(socket))
  if (bad !== undefined) {
    const hint = 'write an absolute path, as in "/run/haproxy/admin.sock", or "127.0.0.1:9999"'
    fault([...at, 'socket'], `socket "${bad}" is neither an absolute path nor host:port`, hint)
  }
  if (template.reload_cmd === undefined && !reloadsProgram) {
    const hint =
      'add it to the template, or set reload = "exec" if reconfd starts HAProxy: not every change can be made at run time'
    fault(at, '[template.haproxy] needs a reload_cmd', hint)
  }
  if (template.for_each !== undefined) {
    const hint = "move HAProxy's file to its own template"
    fault(at, '[template.haproxy] supports one file, but for_each writes many', hint)
  }
  return { sockets: [...new Set(good)], drain }
}

function isSocketAddress(text: string): boolean {
  if (text.startsWith('/')) return text.length > 1 && !text.includes('\0')
  const [, port] = /^[^/\s@]+:([1-9]\d{0,4})$/.exec(text) ?? []
  return Number(port) <= 65535
}
