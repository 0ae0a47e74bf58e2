// The methods of Go types that templates can call.
import { BOOL, funcOf, INT, KV_PAIRS, STRING } from './types.ts'
import { DURATION, durationMethod } from './time.ts'
import { CallError, Func, GoMap, Integer, Opaque, Slice, Struct, type Value } from './values.ts'

export function methodOf(receiver: Value, name: string): Func | undefined {
  if (typeof receiver !== 'object' || receiver instanceof Struct || receiver instanceof GoMap)
    return undefined
  if (receiver instanceof Opaque) return receiver.method(name)
  if (receiver instanceof Integer) {
    const { type, value } = receiver
    if (name === 'String' && type.text) return text(() => type.text?.(value) ?? '')
    return type === DURATION ? durationMethod(value, name) : undefined
  }
  if (receiver instanceof Slice && receiver.type === KV_PAIRS) return pairsMethod(receiver, name)
  return undefined
}

const text = (give: () => string): Func => new Func(funcOf([], STRING), give)

/** memkv.KVPairs implements sort.Interface, so it has Len and Less. */
function pairsMethod(pairs: Slice, name: string): Func | undefined {
  if (name === 'Len') return new Func(funcOf([], INT), () => BigInt(pairs.length))
  if (name !== 'Less') return undefined
  const keyAt = (at: Value): string => {
    const item = pairs.at(Number(at))
    if (!(item instanceof Struct)) throw new CallError('index out of range')
    return item.values[0] as string
  }
  return new Func(funcOf([INT, INT], BOOL), ([a, b]) => keyAt(a) < keyAt(b))
}
