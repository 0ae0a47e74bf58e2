// Replaces nunjucks' filter `dump`, which calls JSON.stringify. JSON.stringify would refuse integers above 2^53, which
// are BigInts in reconfd, and would write invalid bytes as the lone surrogates that represent them.
import { goJsonString } from '../functions/encode.ts'

/** @param spaces a number of spaces or a string for each level of indentation; anything else for compact output */
export function dump(value: unknown, spaces?: unknown): string | undefined {
  const unit =
    typeof spaces === 'number'
      ? ' '.repeat(Math.max(0, Math.min(10, Math.trunc(spaces))))
      : typeof spaces === 'string'
        ? spaces.slice(0, 10)
        : ''
  return write(value, unit, '')
}

/** Returns undefined for values without a JSON form: undefined and functions. */
function write(value: unknown, unit: string, indent: string): string | undefined {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return goJsonString(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const { toJSON } = value as { toJSON?: unknown }
  const plain: unknown = typeof toJSON === 'function' ? Reflect.apply(toJSON, value, []) : value
  if (plain !== value) return write(plain, unit, indent)
  if (value instanceof String) return goJsonString(value.toString())
  const deeper = indent + unit
  if (Array.isArray(value)) {
    return block(
      '[',
      value.map((item) => write(item, unit, deeper) ?? 'null'),
      ']',
      unit,
      indent,
    )
  }
  const members = Object.entries(value).flatMap(([key, item]) => {
    const text = write(item, unit, deeper)
    return text === undefined ? [] : [`${goJsonString(key)}:${unit === '' ? '' : ' '}${text}`]
  })
  return block('{', members, '}', unit, indent)
}

function block(
  open: string,
  items: readonly string[],
  close: string,
  unit: string,
  indent: string,
): string {
  if (unit === '' || items.length === 0) return open + items.join(',') + close
  const start = `\n${indent}${unit}`
  return `${open}${start}${items.join(`,${start}`)}\n${indent}${close}`
}
