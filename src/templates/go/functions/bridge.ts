// Converts between Go values and the plain JavaScript values of the shared functions.
import { FaultError, type Fault } from '../../../core/fault.ts'
import { ofEach } from '../../../core/matches.ts'
import { fromBinary, toBinary } from '../../bytes.ts'
import type { RenderContext } from '../../context.ts'
import type { TemplateFunction } from '../../functions/define.ts'
import { Srv } from '../../functions/net.ts'
import { Pair } from '../../functions/pair.ts'
import { TemplateRecord } from '../../functions/record.ts'
import {
  ANY,
  ANY_MAP,
  ANY_SLICE,
  funcOf,
  KV_PAIR,
  pointerTo,
  structOf,
  STRING,
  UINT16,
  type Type,
} from '../types.ts'
import {
  CallError,
  Func,
  GoMap,
  Integer,
  Opaque,
  Pointer,
  Slice,
  Struct,
  typeName,
  type MapKey,
  type Value,
} from '../values.ts'

export const SRV = structOf('net.SRV', [
  { name: 'Target', type: STRING },
  { name: 'Port', type: UINT16 },
  { name: 'Priority', type: UINT16 },
  { name: 'Weight', type: UINT16 },
])

/** Converts a pair to confd's struct. */
const pairStruct = ({ key, value }: { readonly key: string; readonly value: string }): Struct =>
  new Struct(KV_PAIR, [toBinary(key), toBinary(value)])

export const pairStructs = ofEach(pairStruct)

export function toPlain(value: Value): unknown {
  if (typeof value === 'string') return fromBinary(value)
  if (value instanceof Slice) return value.items().map(toPlain)
  if (value instanceof Struct && value.type === KV_PAIR) {
    const [key, text] = value.values as readonly [string, string]
    return new Pair(fromBinary(key), fromBinary(text))
  }
  if (value instanceof GoMap) {
    const made = Object.create(null) as Record<string, unknown>
    for (const [key, item] of value.entries ?? []) made[fromBinary(String(key))] = toPlain(item)
    return made
  }
  if (value === null || typeof value !== 'object') return value
  throw new CallError(`cannot take a value of type ${typeName(value)}`)
}

/** Converts any value to plain JavaScript data, for the encoders of other formats. */
export function plainData(value: Value): unknown {
  if (value === undefined) return null
  if (typeof value === 'string') return fromBinary(value)
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Integer) return value.value
  if (value instanceof Slice) return value.items().map(plainData)
  if (value instanceof Pointer) return plainData(value.elem)
  if (value instanceof Opaque) return fromBinary(value.text())
  const made = Object.create(null) as Record<string, unknown>
  if (value instanceof GoMap) {
    for (const [key, item] of value.entries ?? []) made[fromBinary(String(key))] = plainData(item)
  } else if (value instanceof Struct) {
    for (const [at, { name }] of (value.type.fields ?? []).entries()) {
      made[name] = plainData(value.values[at])
    }
  } else throw new CallError(`a ${typeName(value)} cannot be written`)
  return made
}

/** Converts a plain value to the declared result type of a function. */
export function toGo(value: unknown, type: Type): Value {
  switch (type.kind) {
    case 'interface':
      return fromPlain(value)
    case 'string':
      return toBinary(String(value))
    case 'int':
      return BigInt(value as number | bigint)
    case 'bool':
      return value === true
    case 'slice': {
      const elem = type.elem ?? ANY
      return new Slice(
        type,
        (value as unknown[]).map((item) => toGo(item, elem)),
      )
    }
    case 'pointer':
      return new Pointer(type, value === null ? null : (toGo(value, type.elem ?? ANY) as Struct))
    case 'map':
      return new GoMap(
        type,
        new Map(
          Object.entries(value as object).map(([key, item]) => [
            toBinary(key),
            toGo(item, type.elem ?? ANY),
          ]),
        ),
      )
    case 'struct':
      if (value instanceof TemplateRecord) {
        const members = new Map(value.members)
        const fields = type.fields ?? []
        return new Struct(
          type,
          fields.map((field) => toGo(members.get(field.name), field.type)),
        )
      }
      if (value instanceof Pair) return pairStruct(value)
      if (value instanceof Srv) {
        const numbers = [value.port, value.priority, value.weight]
        return new Struct(type, [
          toBinary(value.target),
          ...numbers.map((number) => new Integer(UINT16, BigInt(number))),
        ])
      }
  }
  throw new TypeError(`cannot make a ${type.name}`)
}

/** Converts a plain value without a declared type. */
function fromPlain(value: unknown): Value {
  if (typeof value === 'string') return toBinary(value)
  if (Array.isArray(value)) return new Slice(ANY_SLICE, value.map(fromPlain))
  if (typeof value !== 'object' || value === null) return value as Value
  return toGo(value, ANY_MAP)
}

/** `*net.SRV` */
export const SRV_POINTER = pointerTo(SRV)

/** Gives a shared function a Go signature. */
export function bridge(
  shared: TemplateFunction,
  params: readonly Type[],
  result: Type,
  context: RenderContext,
  variadic = false,
): Func {
  return new Func(funcOf(params, result, variadic), (args) => {
    try {
      return toGo(shared.call(context, args.map(toPlain)), result)
    } catch (error) {
      throw error instanceof FaultError
        ? new FaultError(inGoSyntax(error.fault, shared.name))
        : error
    }
  })
}

/**
 * Adapts a fault for Go templates: removes the name of the function, which Go's message contains anyway, and uses Go's
 * syntax for calls, unless the hint shows both languages.
 */
function inGoSyntax(fault: Fault, name: string): Fault {
  const message = fault.message.replace(new RegExp(`^${name}: `), '')
  const goCall = (_: string, called: string, ...args: unknown[]): string =>
    [called, ...args.slice(0, 2).filter((arg) => arg !== undefined)].join(' ')
  const hint = fault.hint?.includes(' in nunjucks')
    ? fault.hint
    : fault.hint?.replace(/\b(\w+)\(("[^"]*")(?:, ("[^"]*"))?\)/g, goCall)
  return { ...fault, message, ...(hint === undefined ? {} : { hint }) }
}

export const entriesOf = (value: Value): ReadonlyMap<MapKey, Value> =>
  (value instanceof GoMap ? value.entries : null) ?? new Map()
