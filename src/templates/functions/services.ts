// Services and nodes, from the keys that consul-catalog makes of them; any store may hold such keys.
// Where they are looked for is told by the resource's keys: in the default store, or in a named one.
import { nameOfPart, serviceDir, serviceNamed } from '../../core/catalog.ts'
import { compareText, covers, joinKeys, storeOf, storeRoot, type Key } from '../../core/key.ts'
import { attempt, FaultError, raise, type Fault } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { doubtfulService, foreignService, taggedName } from '../foreign/services.ts'
import { define } from './define.ts'
import { optional, text } from './params.ts'
import { Entry, recordOf, type Shape } from './record.ts'

export const SERVICE: Shape = {
  name: 'Service',
  fields: {
    id: 'text',
    name: 'text',
    address: 'text',
    port: 'number',
    tags: 'texts',
    meta: 'map',
    weights: { name: 'Weights', fields: { passing: 'number', warning: 'number' } },
    node: 'text',
    datacenter: 'text',
    status: 'text',
    checks: [{ name: 'Check', fields: { id: 'text', name: 'text', status: 'text' } }],
    order: 'number',
  },
}

export const SERVICE_NAME: Shape = { name: 'ServiceName', fields: { name: 'text', tags: 'texts' } }

export const NODE: Shape = {
  name: 'Node',
  fields: { id: 'text', node: 'text', address: 'text', datacenter: 'text', meta: 'map' },
}

/** As a template has it; the two lists are of records. */
type Instance = Entry & {
  readonly name: string
  readonly tags: readonly string[]
  readonly order: number
}

/**
 * Where the resource's keys show something of a directory: in the default store (`/services`), in named
 * ones (`/consul:/services`). A fault that says what to add when they do so nowhere.
 */
function places({ reader }: RenderContext, called: string, dir: Key): readonly Key[] {
  const stores = new Set(reader.scope.keys.map(storeOf))
  const found = [...stores].flatMap((store): Key[] => {
    const place: Key = store === undefined ? dir : `${storeRoot(store)}${dir}`
    const full = reader.fullKey(place)
    const inside = (key: string): boolean => covers(full, reader.fullKey(key))
    return reader.isWatched(place) || reader.scope.keys.some(inside) ? [place] : []
  })
  if (found.length > 0) return found
  return raise('template', `${called}: the resource's keys do not name it`, {
    hint: `add "${dir}" to keys = [...], or "NAME:${dir}" for a named store`,
  })
}

/** An instance and where it was found. */
interface Found {
  readonly dir: Key
  readonly key: Key
  readonly instance: Instance
}

const instancesIn = ({ reader }: RenderContext, dirs: readonly Key[]): Found[] =>
  dirs.flatMap((dir) =>
    reader.glance(dir).map(({ key, value }) => ({
      dir,
      key,
      instance: recordOf(SERVICE, value, key) as Instance,
    })),
  )

/** Throws when the name is that of no service and the dot in it is consul-template's. */
function expectNoTag(name: string, named: (bare: string) => readonly Found[]): void {
  const { tag, bare } = taggedName(name) ?? {}
  if (tag === undefined || bare === undefined) return
  // The resource's keys need not name the other service.
  const found = attempt(() => named(bare))
  if (!found.ok || !found.value.some(({ instance }) => instance.tags.includes(tag))) return
  throw new FaultError(doubtfulService(name) as Fault)
}

/** As the list of services has them; where there is no list, those of the instances. */
function tagsIn(context: RenderContext, dir: Key): readonly string[] {
  const told = context.reader.entry(dir)
  if (told === undefined)
    return instancesIn(context, [dir]).flatMap(({ instance }) => instance.tags)
  return (recordOf(SERVICE_NAME, told, dir) as Entry & { readonly tags: readonly string[] }).tags
}

const SHOP = {
  '/services/shop/n1:a':
    '{"name": "shop", "address": "10.0.2.1", "port": 80, "tags": ["blue"], "weights": {"passing": 5}}',
  '/services/shop/n2:b': '{"name": "shop", "address": "10.0.2.2", "port": 81, "tags": ["green"]}',
  '/nodes/n1': '{"node": "n1", "address": "10.1.0.1", "datacenter": "dc1"}',
}

export const services = [
  define('service', {
    params: [text('name'), optional(text('tag'))],
    doc: "The instances of a service, or those that have the tag, in the order of their keys (nearest first with `-consul-near`): `.id`, `.name`, `.address`, `.port`, `.tags`, `.meta`, `.weights` (`.passing`, `.warning`), `.node`, `.datacenter`, `.status`, `.checks` (`.id`, `.name`, `.status`), or all of them with a capital letter. A name with `/` or `%` may also be written as `ls()` and `item.name` have it. No instance is an empty list; a service that the resource's keys do not name is an error. The examples are of a service shop with two instances, `n1:a` (blue, weight 5) and `n2:b` (green).",
    examples: [
      {
        nunjucks: 'service("shop")[0].address',
        go: '(index (service "shop") 0).Address',
        keys: SHOP,
        result: '10.0.2.1',
      },
      {
        nunjucks: 'service("shop", "blue")[0].Weights.Passing',
        go: '(index (service "shop" "blue") 0).weights.passing',
        keys: SHOP,
        result: 5,
      },
      { nunjucks: 'service("none")', go: 'service "none"', keys: SHOP, result: [] },
      {
        nunjucks: 'service("team/shop") | length',
        go: 'len (service "team%2Fshop")',
        keys: { '/services/team%2Fshop/n1:a': '{"name": "team/shop"}' },
        result: 1,
      },
      {
        nunjucks: 'service("blue.shop")',
        go: 'service "blue.shop"',
        keys: SHOP,
        error: 'in consul-template that is the tag blue of shop',
      },
      { nunjucks: 'service("red.shop")', go: 'service "red.shop"', keys: SHOP, result: [] },
      {
        nunjucks: 'service("shop|any")',
        go: 'service "shop|any"',
        keys: SHOP,
        error: "| and a state of health behind a name is consul-template's",
      },
    ],
    run: (context, name, tag) => {
      // It would be the directory of all services.
      if (name === '') {
        raise('template', 'service(""): a service has a name', {
          hint: 'where the name comes from a key, ask first whether it is empty',
        })
      }
      const foreign = foreignService(name, tag)
      if (foreign !== undefined) throw new FaultError(foreign)
      const dirsOf = (one: string): readonly Key[] =>
        places(context, `service("${name}")`, serviceDir(serviceNamed(one)))
      const named = (one: string): Found[] => instancesIn(context, dirsOf(one))
      const found = named(name)
      if (found.length === 0) expectNoTag(name, named)
      const chosen = found.filter(
        ({ instance }) => tag === undefined || instance.tags.includes(tag),
      )
      for (const dir of dirsOf(name)) {
        const look = `service ${dir} ${tag === undefined ? '' : JSON.stringify(tag)}`
        const own = chosen.filter((one) => one.dir === dir)
        context.reader.use(look, dir, own)
      }
      return chosen.map(({ instance }) => instance).sort((a, b) => a.order - b.order)
    },
  }),
  define('services', {
    params: [],
    doc: "The services that the resource's keys show: `.name`, and `.tags`, all those of its instances. From Consul's catalog it is every service that is registered, healthy or not, and asks for no instance; from other stores those that have one.",
    examples: [
      {
        nunjucks: 'services()',
        go: 'services',
        keys: SHOP,
        result: [{ Name: 'shop', Tags: ['blue', 'green'] }],
      },
    ],
    run: (context) => {
      const tagsOf = new Map<string, Set<string>>()
      for (const place of places(context, 'services()', '/services')) {
        for (const part of context.reader.children(place, true)) {
          const name = nameOfPart(part)
          const tags = tagsIn(context, joinKeys(place, part))
          tagsOf.set(name, new Set([...(tagsOf.get(name) ?? []), ...tags]))
        }
      }
      return [...tagsOf]
        .sort(([a], [b]) => compareText(a, b))
        .map(([name, tags]) => new Entry(SERVICE_NAME, { name, tags: [...tags].sort(compareText) }))
    },
  }),
  define('nodes', {
    params: [],
    doc: "The nodes of Consul, if the resource's keys name `/nodes`: `.node`, `.address`, `.datacenter`, `.meta`, `.id`.",
    examples: [
      {
        nunjucks: 'nodes()[0].Address',
        go: '(index nodes 0).Address',
        keys: SHOP,
        result: '10.1.0.1',
      },
    ],
    run: (context) =>
      places(context, 'nodes()', '/nodes').flatMap((place) =>
        context.reader.under(place).map(({ key, value }) => recordOf(NODE, value, key)),
      ),
  }),
]
