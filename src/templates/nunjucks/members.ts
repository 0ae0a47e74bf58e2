// Attributes of values. What JavaScript gives to every object is out of reach.

const OBJECT_NAMES = new Set(Object.getOwnPropertyNames(Object.prototype))

/** Undefined when there is none. */
export function memberOf(target: NonNullable<unknown>, key: string): unknown {
  if (!Object.hasOwn(target, key) && (OBJECT_NAMES.has(key) || key === 'prototype')) {
    return undefined
  }
  const value = (target as Record<string, unknown>)[key]
  // A method stays with its object.
  if (typeof value !== 'function') return value
  return (...args: readonly unknown[]) => Reflect.apply(value, target, args) as unknown
}
