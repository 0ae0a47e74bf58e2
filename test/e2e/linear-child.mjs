// A separate process that measures the cost of template expressions, each for values of two sizes. Prints two lines of
// JSON per row: its name before the measurement, and then its CPU times in milliseconds. Arguments: the built library,
// and a file with the rows.
import { readFileSync } from 'node:fs'

const [library, file] = process.argv.slice(2)
const { render } = await import(library)

/** @param how [before, unit, after], where the unit is repeated n times, or the name of a kind of text */
function make(how, n) {
  if (Array.isArray(how)) return how[0] + how[1].repeat(n) + how[2]
  const numbers = Array.from({ length: n }, (_, i) => i)
  switch (how) {
    case 'middle':
      return `${'a'.repeat(n / 2)}b${'a'.repeat(n / 2)}`
    case 'object':
      return JSON.stringify(Object.fromEntries(numbers.map((i) => [`k${i}`, i])))
    case 'objects':
      return JSON.stringify(numbers.map((i) => ({ a: `g${i % 100}`, b: 'x' })))
    case 'words':
      return JSON.stringify(numbers.map((i) => `w${i % 1000}`))
    case 'numbers':
      return JSON.stringify(numbers)
    case 'big':
      return JSON.stringify(numbers).replace(/\d+/g, '9007199254740993$&')
    case 'maps':
      return JSON.stringify(Object.fromEntries(numbers.map((i) => [`k${i % 100}/${i}`, i])))
  }
  throw new Error(`unknown value ${how}`)
}

async function cost(row, n) {
  const keys = {
    s: make(row.s ?? ['', '', 'x'], n),
    t: make(row.t ?? ['', '', 'x'], n >> 1),
    k: {},
  }
  for (const [name, how] of Object.entries(row.keys ?? {})) keys.k[make(how, n)] = name
  if (row.many) for (let i = 0; i < n / 10; i++) keys.k[`n${i}`] = { a: 'x', b: 'y' }
  const options = { template: row.template, engine: row.engine, keys, templates: '/nowhere' }
  let least = Infinity
  for (let tries = 0; tries < 3; tries++) {
    const before = process.cpuUsage()
    const made = await render(options)
    const { user, system } = process.cpuUsage(before)
    if (!made.ok && !row.fails) throw new Error(`${row.name}: ${made.error.message}`)
    least = Math.min(least, (user + system) / 1000)
    if (least > 2000) break
  }
  return least
}

for (const row of JSON.parse(readFileSync(file, 'utf8'))) {
  const n = row.n ?? 20_000
  console.log(JSON.stringify({ begins: row.name }))
  const small = await cost(row, n)
  const large = await cost(row, 4 * n)
  console.log(JSON.stringify({ name: row.name, small, large }))
}
