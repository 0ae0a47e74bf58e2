// Reads registrator's metadata: the variables and labels of a container that begin with SERVICE_, for all ports or, as
// in SERVICE_80_NAME, for one port. Pure.
import type { Container } from './engine.ts'

export interface ContainerMetadata {
  /** Keys are lower-case names without the prefix, such as `check_http`. Labels override variables. */
  readonly values: ReadonlyMap<string, string>
  /** The keys that apply to this port alone. */
  readonly ofPort: ReadonlySet<string>
}

const PREFIX = 'SERVICE_'

export function metadataOf({ Env, Labels }: Container['Config'], port: string): ContainerMetadata {
  const values = new Map<string, string>()
  const ofPort = new Set<string>()
  for (const [name, value] of [...variables(Env ?? []), ...Object.entries(Labels ?? {})]) {
    if (!name.startsWith(PREFIX)) continue
    const key = name.slice(PREFIX.length).toLowerCase()
    const [, number, rest] = /^(\d+)_(.+)$/s.exec(key) ?? []
    if (rest === undefined || number === undefined) {
      if (!ofPort.has(key)) values.set(key, value)
    } else if (number === port) {
      values.set(rest, value)
      ofPort.add(rest)
    }
  }
  return { values, ofPort }
}

function variables(env: readonly string[]): (readonly [string, string])[] {
  return env.flatMap((text) => {
    const at = text.indexOf('=')
    return at < 0 ? [] : [[text.slice(0, at), text.slice(at + 1)] as const]
  })
}
