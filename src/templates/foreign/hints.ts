// The hint for an unknown name: which program it belongs to and what to write instead, or a similar name.
import { nearest } from '../../core/nearest.ts'
import type { EngineName } from '../../core/resource.ts'
import { consulTemplate } from './consul-template.ts'
import type { Foreign } from './foreign.ts'
import { forks, jinja, remco, sprig } from './others.ts'

const origins: readonly (readonly [of: string, functions: readonly Foreign[]])[] = [
  ['consul-template', consulTemplate],
  ['a fork of confd', forks],
  ['sprig', sprig],
  ['Jinja', jinja],
  ['remco', remco],
]

/** Returns the hint for a function of another program; undefined if none of the programs has the function. */
function replacement(name: string, engine: EngineName): string | undefined {
  for (const [of, functions] of origins) {
    const found = functions.find((one) => one.name === name)
    if (found === undefined) continue
    const { note } = found
    const instead = engine === 'go' ? found.go : found.nunjucks
    if (instead === undefined && note === undefined) continue
    const whose = `"${name}" is a function of ${of}`
    const more = note === undefined ? '' : `; ${note}`
    return instead === undefined
      ? `there is no such function here: ${whose}${more}`
      : `write ${instead} instead: ${whose}${more}`
  }
  return undefined
}

/** Returns the hint for an unknown name. */
export function hintForName(
  name: string,
  engine: EngineName,
  known: Iterable<string>,
  otherwise: string,
): string {
  const foreign = replacement(name, engine)
  if (foreign !== undefined) return foreign
  const names = [...known]
  // consul-template has the functions of sprig, with the prefix `sprig_`.
  const bare = /^sprig_(.+)$/.exec(name)?.[1]
  if (bare !== undefined) {
    if (names.includes(bare)) return `write ${bare} instead`
    return hintForName(bare, engine, names, otherwise)
  }
  if (name.startsWith('spew_'))
    return 'write {{toJson .}} to see a value in Go, {{ x | dump }} in nunjucks'
  const near = nearest(name, names)
  return near === undefined ? otherwise : `did you mean ${near}?`
}
