// The fields of services and nodes.
import type { RecordShape } from './record.ts'

const WEIGHTS: RecordShape = { name: 'Weights', fields: { passing: 'number', warning: 'number' } }
const CHECK: RecordShape = { name: 'Check', fields: { id: 'text', name: 'text', status: 'text' } }
const ADDRESS: RecordShape = { name: 'Address', fields: { address: 'text', port: 'number' } }

/** The fields of an instance. Consul's indexes are omitted, because restoring a cluster changes only the indexes. */
const INSTANCE = {
  id: 'text',
  name: 'text',
  address: 'text',
  port: 'number',
  tags: 'texts',
  meta: 'map',
  weights: WEIGHTS,
  kind: 'text',
  taggedAddresses: { each: ADDRESS },
} as const

export const SERVICE: RecordShape = {
  name: 'Service',
  fields: {
    ...INSTANCE,
    node: 'text',
    nodeAddress: 'text',
    nodeTaggedAddresses: 'map',
    nodeMeta: 'map',
    datacenter: 'text',
    status: 'text',
    checks: [CHECK],
    order: 'number',
  },
}

export const SERVICE_NAME: RecordShape = {
  name: 'ServiceName',
  fields: { name: 'text', tags: 'texts' },
}

const NODE_FIELDS = {
  id: 'text',
  node: 'text',
  address: 'text',
  taggedAddresses: 'map',
  datacenter: 'text',
  meta: 'map',
} as const

export const NODE: RecordShape = { name: 'Node', fields: NODE_FIELDS }

/** A node with its services. */
export const NODE_WITH_SERVICES: RecordShape = {
  name: 'NodeWithServices',
  fields: { ...NODE_FIELDS, services: [{ name: 'NodeService', fields: INSTANCE }] },
}
