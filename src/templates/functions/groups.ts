// Functions that group services by tag or metadata, group pairs by directory, and convert keys to a map of maps.
import { compareText, covers, toKey, type Key } from '../../core/key.ts'
import { FaultError, raise } from '../../core/fault.ts'
import { foreignMeta } from '../foreign/services.ts'
import { define, type TemplateFunction } from './define.ts'
import { MAX_DEPTH } from './json.ts'
import { listParam, pairsParam, textParam } from './params.ts'
import { TemplateRecord } from './record.ts'

interface Service {
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
}

const services = (name: string) => ({
  ...listParam(name),
  type: 'a list of services, as returned by service()',
  accept: (value: unknown): (TemplateRecord & Service)[] | undefined =>
    Array.isArray(value) && value.every((one) => one instanceof TemplateRecord && 'tags' in one)
      ? (value as (TemplateRecord & Service)[])
      : undefined,
})

/** Groups items into an object without a prototype, sorted by name. An item may be in several groups. */
function grouped<T>(items: readonly T[], namesOf: (item: T) => readonly string[]): object {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    for (const name of new Set(namesOf(item))) {
      const group = groups.get(name)
      if (group === undefined) groups.set(name, [item])
      else group.push(item)
    }
  }
  return Object.assign(
    Object.create(null) as object,
    Object.fromEntries([...groups].sort(([a], [b]) => compareText(a, b))),
  )
}

/** Returns the name of a service's group in byMeta(): its values for the metadata keys in `names`, joined by `_`. */
export function metaGroup(names: string, valueOf: (name: string) => string | undefined): string {
  const foreign = foreignMeta(names)
  if (foreign !== undefined) throw new FaultError(foreign)
  return names
    .split(',')
    .map((name) => valueOf(name.trim()) ?? '')
    .join('_')
}

/** Returns the part of a key that follows a directory, up to the next slash; undefined for keys outside it. */
export function partBelow(dir: string, key: string): string | undefined {
  const top = toKey(dir)
  if (!covers(top, key) || key === top) return undefined
  return key.slice(top === '/' ? 1 : top.length + 1).split('/', 1)[0]
}

/** Builds a map of maps. If a key is also a directory, the value of the key has the name "" in the map. */
function nested(dir: Key, found: readonly { key: Key; value: string }[]): object {
  type Folder = Record<string, unknown>
  const newFolder = (): Folder => Object.create(null) as Folder
  const root = newFolder()
  for (const { key, value } of found) {
    const parts = key.slice(dir === '/' ? 1 : dir.length + 1).split('/')
    if (parts.length > MAX_DEPTH) {
      raise('template', `explode: a key lies more than ${MAX_DEPTH} levels below ${dir}`)
    }
    let at = root
    for (const part of parts.slice(0, -1)) {
      const next = at[part]
      // Keys are sorted, so a directory's own value comes before the keys below it.
      if (typeof next === 'object') at = next as Folder
      else {
        const made = newFolder()
        if (typeof next === 'string') made[''] = next
        at[part] = made
        at = made
      }
    }
    const name = parts.at(-1) as string
    if (typeof at[name] === 'object') (at[name] as Folder)[''] = value
    else at[name] = value
  }
  return root
}

const WEB = {
  '/services/web/n1:a': '{"name": "web", "tags": ["blue", "eu"], "meta": {"version": "2"}}',
  '/services/web/n2:b': '{"name": "web", "tags": ["blue"], "meta": {"version": "10"}}',
}
const CONFIG = {
  '/config/db/host': 'h1',
  '/config/db/port': '5432',
  '/config/name': 'shop',
}

export const groupFunctions: readonly TemplateFunction[] = [
  define('byTag', {
    params: [services('services')],
    doc: 'Groups services by tag: returns a map from each tag to the services with that tag. The examples use two instances: both have the tag `blue`, and one also has the tag `eu`.',
    filter: 0,
    examples: [
      { nunjucks: 'keys(byTag(service("web")))', keys: WEB, result: ['blue', 'eu'] },
      {
        nunjucks: '(service("web") | byTag).blue | length',
        go: 'len (service "web" | byTag).blue',
        keys: WEB,
        result: 2,
      },
    ],
    run: (_, items) => grouped(items, ({ tags }) => tags),
  }),
  define('byMeta', {
    params: [textParam('names'), services('services')],
    doc: 'Groups services by metadata: returns a map from the value of a metadata key to the services with that value. With several keys (separated by commas), their values are joined by `_`. A service without the key is in the group `""`.',
    filter: 1,
    examples: [
      {
        nunjucks: '(service("web") | byMeta("version"))["10"] | length',
        go: 'len (index (service "web" | byMeta "version") "10")',
        keys: WEB,
        result: 1,
      },
      {
        nunjucks: 'keys(byMeta("team,version", service("web")))',
        keys: WEB,
        result: ['_10', '_2'],
      },
    ],
    run: (_, names, items) =>
      grouped(items, ({ meta }) => [
        metaGroup(names, (name) => (Object.hasOwn(meta, name) ? meta[name] : undefined)),
      ]),
  }),
  define('byKey', {
    params: [textParam('dir'), pairsParam('pairs')],
    doc: 'Groups pairs by the path segment after a directory: returns a map from each segment to its pairs, which keep their full keys. Pairs outside the directory are omitted.',
    filter: 1,
    examples: [
      {
        nunjucks: 'byKey("/services", gets("/services/*/*")).web | length',
        go: 'len (gets "/services/*/*" | byKey "/services").web',
        result: 2,
      },
    ],
    run: (_, dir, items) => grouped(items, ({ key }) => [partBelow(dir, key) ?? []].flat()),
  }),
  define('explode', {
    params: [textParam('dir')],
    doc: 'All keys below a directory as a map of maps. If a key is also a directory, its own value has the name `""`.',
    filter: 0,
    examples: [
      {
        nunjucks: 'explode("/config")',
        go: 'explode "/config"',
        keys: CONFIG,
        result: { db: { host: 'h1', port: '5432' }, name: 'shop' },
      },
      {
        nunjucks: 'explode("/config/db").port',
        go: '(explode "/config/db").port',
        keys: CONFIG,
        result: '5432',
      },
      { nunjucks: 'explode("/none")', go: 'explode "/none"', result: {} },
    ],
    run: ({ reader }, dir) => nested(toKey(dir), reader.under(dir).flat()),
  }),
]
