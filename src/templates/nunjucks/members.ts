// Attributes of values. Properties that every JavaScript object has are not accessible.

const OBJECT_NAMES = new Set(Object.getOwnPropertyNames(Object.prototype))

/** The attribute; undefined if it is missing. */
export function memberOf(target: NonNullable<unknown>, key: string): unknown {
  if (!Object.hasOwn(target, key) && (OBJECT_NAMES.has(key) || key === 'prototype')) {
    return undefined
  }
  const value = (target as Record<string, unknown>)[key]
  // A method must be bound to its object.
  if (typeof value !== 'function') return value
  return (...args: readonly unknown[]) => Reflect.apply(value, target, args) as unknown
}
