// Shapes of values that come from outside, as checks put together: whether a parsed file or answer is what
// it has to be, member by member.

export type Check = (value: unknown) => boolean

export const text: Check = (value) => typeof value === 'string'
export const number: Check = (value) => typeof value === 'number'
export const boolean: Check = (value) => typeof value === 'boolean'
export const time: Check = (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value))
export const oneOf =
  (...values: readonly (string | null)[]): Check =>
  (value) =>
    values.includes(value as string | null)
export const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value))
export const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
export const recordOf =
  (check: Check): Check =>
  (value) =>
    isObject(value) && Object.values(value).every(check)
export const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)
/** Further members may be there: they are of a later version. */
export const shape =
  (members: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isObject(value) && Object.entries(members).every(([name, check]) => check(value[name]))

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
