// The records of services and nodes as Go structs. The first letter of a field may be lower case.
import { NODE, NODE_WITH_SERVICES, SERVICE, SERVICE_NAME } from '../../functions/service-shapes.ts'
import { capital, type FieldKind, type RecordShape } from '../../functions/record.ts'
import { INT, mapOf, pointerTo, sliceOf, STRING, STRINGS, structOf, type Type } from '../types.ts'

function typeOf(kind: FieldKind): Type {
  switch (kind) {
    case 'text':
      return STRING
    case 'number':
      return INT
    case 'texts':
      return STRINGS
    case 'map':
      return mapOf(STRING, STRING)
  }
  if ('each' in kind) return mapOf(STRING, struct(kind.each))
  return 'name' in kind ? struct(kind) : sliceOf(struct(kind[0]))
}

function struct({ name, fields }: RecordShape): Type {
  const kinds = Object.entries(fields)
  const type = structOf(
    `reconfd.${name}`,
    kinds.map(([field, kind]) => ({ name: capital(field), type: typeOf(kind) })),
  )
  const lower = kinds.map(([field], at) => [field, at] as const)
  return { ...type, places: new Map([...(type.places ?? []), ...lower]) }
}

/** `[]reconfd.Service` */
export const SERVICES = sliceOf(struct(SERVICE))
export const SERVICE_NAMES = sliceOf(struct(SERVICE_NAME))
export const NODES = sliceOf(struct(NODE))
/** `*reconfd.NodeWithServices`: nil for a missing node. */
export const NODE_POINTER = pointerTo(struct(NODE_WITH_SERVICES))
