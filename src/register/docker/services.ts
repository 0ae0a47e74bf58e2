// Derives the services of a container, with the names and addresses that registrator would give them. Pure. Metadata is
// hostile input: names and ids must be single path components, addresses must parse, and commands need
// -allow-script-checks.
import { isIP } from 'node:net'
import { pathComponentFault, splitList } from '../../core/register.ts'
import type { Service } from '../service.ts'
import { serviceChecks } from './checks.ts'
import type { Container } from './engine.ts'
import { metadataOf, type ContainerMetadata } from './metadata.ts'
import type { ContainerOptions, Remark, RemarkHandler } from './options.ts'
import { portsOf, type Port } from './ports.ts'

export interface DerivedServices {
  readonly services: readonly Service[]
  readonly remarks: readonly Remark[]
}

/** @param joined the container whose network this one uses, if any */
export function servicesOf(
  container: Container,
  joined: Container | undefined,
  options: ContainerOptions,
): DerivedServices {
  const name = container.Name.replace(/^\//, '')
  const remarks: Remark[] = []
  const remark = (level: Remark['level'], why: string): void => {
    remarks.push({ level, about: name, why })
  }
  const { ports, unreachable } = portsOf(container, options.internal, joined)
  for (const { exposed, why } of unreachable) remark('debug', `port ${exposed}: ${why}`)
  if (ports.length + unreachable.length === 0) remark('debug', 'it has no ports')
  const services: Service[] = []
  for (const port of ports) {
    const metadata = metadataOf(container.Config, port.exposed)
    if ((metadata.values.get('ignore') ?? '') !== '') {
      remark('debug', `port ${port.exposed}: SERVICE_IGNORE is set`)
      continue
    }
    const service = serviceAt(container, port, ports.length > 1, metadata, options, remark)
    if (service !== undefined) services.push(service)
  }
  return { services, remarks }
}

function serviceAt(
  container: Container,
  port: Port,
  isGroup: boolean,
  metadata: ContainerMetadata,
  options: ContainerOptions,
  remark: RemarkHandler,
): Service | undefined {
  const { values, ofPort } = metadata
  const { exposed, protocol } = port
  const given = values.get('name') ?? ''
  if (given === '' && options.explicit) {
    remark('debug', `port ${exposed}: SERVICE_NAME is not set, but -explicit requires it`)
    return undefined
  }
  const base = given === '' ? imageName(container.Config.Image ?? '') : given
  const name = isGroup && !ofPort.has('name') ? `${base}-${exposed}` : base
  const isUdp = protocol === 'udp'
  const ownId = `${options.host}:${container.Name.replace(/^\//, '')}:${exposed}${isUdp ? ':udp' : ''}`
  const id = values.get('id') || ownId
  for (const [what, text] of [
    ['the name', name],
    ['the id', id],
  ] as const) {
    const why = pathComponentFault(text)
    if (why === undefined) continue
    remark('warn', `port ${exposed} is not registered: ${what} of its service ${why}`)
    return undefined
  }
  const address = addressFor(container, port, options, remark)
  if (address === undefined) return undefined
  const attributes = new Map(values)
  for (const key of ['id', 'tags', 'name']) attributes.delete(key)
  const service = {
    name,
    id,
    address,
    port: port.port,
    tags: [...splitList(values.get('tags') ?? ''), ...(isUdp ? ['udp'] : [])],
    meta: Object.fromEntries(attributes),
    container: {
      hostname: container.Config.Hostname ?? '',
      privatePort: Number(exposed),
    },
  }
  return { ...service, ...serviceChecks(service, container.Id, attributes, options, remark) }
}

/** Returns `web` for `registry:5000/team/web:1.2@sha256:...`. */
const imageName = (image: string): string =>
  image.replace(/@.*/s, '').split('/').at(-1)?.split(':')[0] ?? ''

function addressFor(
  container: Container,
  port: Port,
  { address, forced, ipLabel }: ContainerOptions,
  remark: RemarkHandler,
): string | undefined {
  const labelled = ipLabel === undefined ? undefined : container.Config.Labels?.[ipLabel]
  if (labelled !== undefined && labelled !== '') {
    // Also accepts `10.0.0.5/24`.
    const ip = labelled.replace(/\/\d+$/, '')
    if (isIP(ip) !== 0) return ip
    remark(
      'warn',
      `port ${port.exposed} is not registered: the label ${ipLabel} is not an IP address`,
    )
    return undefined
  }
  return port.address !== undefined && (port.inside || !forced) ? port.address : address
}
