// The table of all functions of Go templates, with their Go signatures. Functions on strings and numbers are shared
// with nunjucks; those that depend on Go types are in the other files of this folder.
import { isMalformed } from '../../../core/glob.ts'
import { toKey } from '../../../core/key.ts'
import { countOf } from '../../../core/matches.ts'
import type { Reader } from '../../../core/reader.ts'
import { fromBinary, toBinary } from '../../bytes.ts'
import type { RenderContext } from '../../context.ts'
import type { TemplateFunction } from '../../functions/define.ts'
import { functions as shared } from '../../functions/index.ts'
import { builtins, type Functions } from '../builtins.ts'
import { GoTime } from '../../functions/clock.ts'
import { Time, TIME } from '../time.ts'
import {
  ANY,
  ANY_MAP,
  BOOL,
  funcOf,
  INT,
  INTS,
  KV_PAIR,
  KV_PAIRS,
  sliceOf,
  STRING,
  STRINGS,
  type Type,
} from '../types.ts'
import { Func, Slice, sliceOfRuns, type Call, type Value } from '../values.ts'
import { bridge, pairStructs, plainData, SRV_POINTER } from './bridge.ts'
import { goCollectionFunctions } from './collections.ts'
import { itemFunction } from './item.ts'
import { goJsonFunctions } from './json.ts'
import { lists } from './lists.ts'
import { NODE_POINTER, NODES, SERVICE_NAMES, SERVICES } from './services.ts'

interface Signature {
  readonly params: readonly Type[]
  readonly result: Type
  readonly variadic?: true
}

const sign = (params: readonly Type[], result: Type): Signature => ({ params, result })
const optional = (params: readonly Type[], result: Type): Signature => ({
  params,
  result,
  variadic: true,
})

const SIGNATURES: Readonly<Record<string, Signature>> = {
  exists: sign([STRING], BOOL),
  get: sign([STRING], KV_PAIR),
  gets: sign([STRING], KV_PAIRS),
  getv: optional([STRING, STRING], STRING),
  getvs: sign([STRING], STRINGS),
  ls: sign([STRING], STRINGS),
  service: optional([STRING, ANY], SERVICES),
  services: optional([ANY], SERVICE_NAMES),
  nodes: optional([ANY], NODES),
  node: optional([STRING, ANY], NODE_POINTER),
  query: optional([STRING, ANY], SERVICES),
  datacenters: optional([ANY], STRINGS),
  lsdir: sign([STRING], STRINGS),
  base: sign([STRING], STRING),
  dir: sign([STRING], STRING),
  split: sign([STRING, STRING], STRINGS),
  join: sign([STRINGS, STRING], STRING),
  replace: sign([STRING, STRING, STRING, INT], STRING),
  contains: sign([STRING, ANY], BOOL),
  toUpper: sign([STRING], STRING),
  toLower: sign([STRING], STRING),
  trimPrefix: sign([STRING, STRING], STRING),
  trimSuffix: sign([STRING, STRING], STRING),
  base64Encode: sign([STRING], STRING),
  base64Decode: sign([STRING], STRING),
  parseBool: sign([STRING], BOOL),
  quote: sign([STRING], STRING),
  squote: sign([STRING], STRING),
  shellquote: sign([STRING], STRING),
  repeat: sign([INT, STRING], STRING),
  indent: sign([INT, STRING], STRING),
  nindent: sign([INT, STRING], STRING),
  nospace: sign([STRING], STRING),
  snakecase: sign([STRING], STRING),
  camelcase: sign([STRING], STRING),
  kebabcase: sign([STRING], STRING),
  sha256sum: sign([STRING], STRING),
  md5sum: sign([STRING], STRING),
  hmacSHA256: sign([STRING, STRING], STRING),
  trim: sign([STRING], STRING),
  trunc: sign([INT, STRING], STRING),
  title: sign([STRING], STRING),
  fail: sign([STRING], STRING),
  explode: sign([STRING], ANY_MAP),
  regexMatch: sign([STRING, STRING], BOOL),
  regexFind: sign([STRING, STRING], STRING),
  regexReplaceAll: sign([STRING, STRING, STRING], STRING),
  atoi: sign([STRING], INT),
  seq: sign([INT, INT], INTS),
  add: sign([INT, INT], INT),
  sub: sign([INT, INT], INT),
  mul: sign([INT, INT], INT),
  div: sign([INT, INT], INT),
  mod: sign([INT, INT], INT),
  getenv: optional([STRING, STRING], STRING),
  hostname: sign([], STRING),
  fileExists: sign([STRING], BOOL),
  lookupIP: sign([STRING], STRINGS),
  lookupIPV4: sign([STRING], STRINGS),
  lookupIPV6: sign([STRING], STRINGS),
  lookupIfaceIPV4: sign([STRING], STRING),
  lookupIfaceIPV6: sign([STRING], STRING),
  lookupSRV: sign([STRING, STRING, STRING], sliceOf(SRV_POINTER)),
}

/** As in confd, the empty result of these functions is a nil slice, which `toJson` writes as null. */
const COLLECTING = new Set(['seq', 'lookupIP', 'lookupIPV4', 'lookupIPV6'])
const orNil = (list: Slice): Slice => (list.length === 0 ? new Slice(list.type, null) : list)

const sharedByName = new Map(shared.map((one) => [one.name, one]))
const own = [...builtins, ...goCollectionFunctions, ...lists, ...goJsonFunctions]

/** Encoders, which take a value of any type. */
const WRITERS = ['toYaml', 'toToml'] as const

/** The names of all functions, including `include`, which the engine defines. */
export const functionNames: ReadonlySet<string> = new Set([
  ...own.map(([name]) => name),
  ...Object.keys(SIGNATURES),
  'Base',
  ...WRITERS,
  'datetime',
  'include',
  'item',
])

/** Whether the resource sees no key at all. */
const seesNothing = (reader: Reader): boolean =>
  reader.scope.keys.every(
    (key) => reader.get(key) === undefined && countOf(reader.under(key)) === 0,
  )

/** Functions that ignore arguments after the first default, as in confd. */
const LENIENT = new Set(['getv', 'getenv'])

/** The functions for one context. */
export function functionsFor(context: RenderContext): Functions {
  const table = new Map<string, Func>(own)
  for (const [name, { params, result, variadic }] of Object.entries(SIGNATURES)) {
    const work = sharedByName.get(name)
    if (work === undefined) throw new Error(`no function ${name}`)
    const { type, call } = bridge(work, params, result, context, variadic)
    if (LENIENT.has(name)) table.set(name, new Func(type, (args) => call(args.slice(0, 2))))
    else if (COLLECTING.has(name))
      table.set(name, new Func(type, (args) => orNil(call(args) as Slice)))
    else table.set(name, new Func(type, call))
  }
  // Does not convert the pairs to plain values, because the list may be long.
  const match = ([pattern]: readonly Value[]): Value =>
    orNil(sliceOfRuns(KV_PAIRS, pairStructs(context.reader.match(fromBinary(pattern as string)))))
  table.set('gets', new Func(funcOf([STRING], KV_PAIRS), match))
  for (const name of ['gets', 'getvs']) {
    const { type, call } = table.get(name) as Func
    const empty = new Slice(type.signature?.result ?? KV_PAIRS, null)
    const isUnmatched = (pattern: Value): boolean =>
      isMalformed(toKey(fromBinary(pattern as string))) && seesNothing(context.reader)
    // As in confd, a malformed pattern is an error only if there are keys to match.
    table.set(name, new Func(type, (args) => (isUnmatched(args[0]) ? empty : call(args))))
  }
  for (const name of WRITERS) {
    const { call } = sharedByName.get(name) as TemplateFunction
    const write: Call = ([value]) => toBinary(String(call(context, [plainData(value)])))
    table.set(name, new Func(funcOf([ANY], STRING), write))
  }
  // An older spelling of `base`, which some books use.
  table.set('Base', table.get('base') as Func)
  table.set('item', itemFunction(context))
  table.set(
    'datetime',
    new Func(funcOf([], TIME), () => {
      const moment = BigInt(context.now().getTime()) * 1_000_000n
      return new Time(new GoTime(moment, 'local'))
    }),
  )
  return table
}
