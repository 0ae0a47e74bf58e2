// Composable type checks for external values, such as parsed files and responses.

export type ShapeCheck = (value: unknown) => boolean

export const isText: ShapeCheck = (value) => typeof value === 'string'
export const isNumber: ShapeCheck = (value) => typeof value === 'number'
export const isBoolean: ShapeCheck = (value) => typeof value === 'boolean'
export const isTime: ShapeCheck = (value) =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value))
export const isOneOf =
  (...values: readonly (string | null)[]): ShapeCheck =>
  (value) =>
    values.includes(value as string | null)
export const isEither =
  (...checks: readonly ShapeCheck[]): ShapeCheck =>
  (value) =>
    checks.some((check) => check(value))
export const isNullOr =
  (check: ShapeCheck): ShapeCheck =>
  (value) =>
    value === null || check(value)
export const isListOf =
  (check: ShapeCheck): ShapeCheck =>
  (value) =>
    Array.isArray(value) && value.every(check)
export const isRecordOf =
  (check: ShapeCheck): ShapeCheck =>
  (value) =>
    isObject(value) && Object.values(value).every(check)
export const isOptional =
  (check: ShapeCheck): ShapeCheck =>
  (value) =>
    value === undefined || check(value)
/** Checks the members of an object. Ignores unknown members, which may be from a later version. */
export const hasShape =
  (members: Readonly<Record<string, ShapeCheck>>): ShapeCheck =>
  (value) =>
    isObject(value) && Object.entries(members).every(([name, check]) => check(value[name]))

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
