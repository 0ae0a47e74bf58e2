// Services and nodes, from keys in the format of consul-catalog, which any store may contain. The resource's keys
// determine the store: the default store, or a named one.
import {
  DATACENTERS,
  nameOfPart,
  nodeKey,
  rootOf,
  serviceDir,
  serviceNamed,
  type LookUp,
} from '../../core/catalog.ts'
import { compareText, joinKeys, type Key } from '../../core/key.ts'
import { attempt, FaultError, raise, type Fault } from '../../core/fault.ts'
import type { RenderContext } from '../context.ts'
import { doubtfulService, foreignService, taggedName } from '../foreign/services.ts'
import { define } from './define.ts'
import { isMap, textParam, type Mapping, type Param } from './params.ts'
import { TemplateRecord, parseRecord } from './record.ts'
import { listOptions, optionsOf, optionsParam, serviceName } from './service-names.ts'
import { placeIn, whoseIs } from './service-places.ts'
import { NODE, NODE_WITH_SERVICES, SERVICE, SERVICE_NAME } from './service-shapes.ts'

/** An instance with the fields that this file uses. */
type Instance = TemplateRecord & {
  readonly name: string
  readonly tags: readonly string[]
  readonly order: number
}

/** An instance and its key. */
interface Found {
  readonly key: Key
  readonly instance: Instance
}

const instancesIn = ({ reader }: RenderContext, dir: Key): Found[] =>
  reader
    .glance(dir)
    .flat()
    .map(({ key, value }) => ({
      key,
      instance: parseRecord(SERVICE, value, key) as Instance,
    }))

/** Returns the instances that have all of the tags and counts only these instances as found. */
function chosen(
  { reader }: RenderContext,
  dir: Key,
  found: readonly Found[],
  tags: readonly string[],
): Instance[] {
  const own = found.filter(({ instance }) => tags.every((tag) => instance.tags.includes(tag)))
  reader.use(`service ${dir} ${JSON.stringify(tags)}`, dir, own)
  return own.map(({ instance }) => instance).sort((a, b) => a.order - b.order)
}

/** Throws a fault if a name such as `blue.web` means the tag `blue` of the service `web`, as in consul-template. */
function expectNoTag(
  name: string,
  written: string,
  named: (bare: string) => readonly Found[],
): void {
  const { tag, bare } = taggedName(name) ?? {}
  if (tag === undefined || bare === undefined) return
  // The look-up throws if the resource's keys do not include the other service.
  const found = attempt(() => named(bare))
  if (!found.ok || !found.value.some(({ instance }) => instance.tags.includes(tag))) return
  throw new FaultError(doubtfulService(name, written) as Fault)
}

/** Returns the tags of a service: from the list of services or, if the store has no list, from the instances. */
function tagsIn(context: RenderContext, dir: Key): readonly string[] {
  const listed = context.reader.entry(dir)
  if (listed === undefined)
    return instancesIn(context, dir).flatMap(({ instance }) => instance.tags)
  return (
    parseRecord(SERVICE_NAME, listed, dir) as TemplateRecord & { readonly tags: readonly string[] }
  ).tags
}

/** A tag, or a map of options. */
const tagOrOptions: Param<string | Mapping | undefined> = {
  name: 'tag or options',
  type: 'a tag or a map of options',
  optional: true,
  accept: (value) =>
    isMap(value) ? value : typeof value === 'string' ? value : textParam('tag').accept(value),
}

/** Throws a fault for an empty name or a name in the syntax of consul-template. */
function expectName(called: string, name: string, tag: string | undefined): void {
  // The empty name would mean the directory of all services.
  if (name === '') {
    raise('template', `${called}: the name of the service is empty`, {
      hint: 'if the name comes from a key, check first that it is not empty',
    })
  }
  const foreign = foreignService(name, tag)
  if (foreign !== undefined) throw new FaultError(foreign)
}

const SERVICE_OPTIONS = [
  'store',
  'dc',
  'health',
  'near',
  'tag',
  'filter',
  'namespace',
  'proxies',
] as const

/** Finds the instances for a name and options, sorted. */
function find(context: RenderContext, written: string, tag: string | undefined, given?: Mapping) {
  const { reader } = context
  const called = `service("${written}")`
  expectName(called, written, tag)
  const options = optionsOf(called, given, SERVICE_OPTIONS)
  const { name, ...whose } = serviceName(
    written,
    (whole) => given?.['dc'] !== undefined || reader.scope.keys.includes(serviceDir(whole)),
  )
  const { store, dc } = whoseIs(context, whose, options.store)
  const { tags, lookUp } = options
  const asked: LookUp = dc === undefined ? lookUp : { ...lookUp, dc }
  const dirOf = (one: string): Key =>
    placeIn(context, called, serviceDir(serviceNamed(one), asked), store)
  const dir = dirOf(name)
  const found = instancesIn(context, dir)
  if (found.length === 0) expectNoTag(name, written, (bare) => instancesIn(context, dirOf(bare)))
  return chosen(context, dir, found, tag === undefined ? tags : [...tags, tag])
}

const SHOP = {
  '/services/shop/n1:a':
    '{"name": "shop", "address": "10.0.2.1", "port": 80, "tags": ["blue"], "weights": {"passing": 5}}',
  '/services/shop/n2:b': '{"name": "shop", "address": "10.0.2.2", "port": 81, "tags": ["green"]}',
  '/services@dc2/shop/n3:c': '{"name": "shop", "address": "10.8.0.3", "datacenter": "dc2"}',
  '/services@;query/geo/n9:q': '{"name": "shop", "address": "10.0.9.1"}',
  '/nodes/n1': '{"node": "n1", "address": "10.1.0.1", "datacenter": "dc1"}',
  '/nodes@;services/n1': '{"node": "n1", "services": [{"id": "a", "name": "shop", "port": 80}]}',
  '/datacenters@/dc1': '',
  '/datacenters@/dc2': '',
}

const LIST_OPTIONS = ['store', 'dc', 'tag', 'namespace', 'proxies'] as const

export const serviceFunctions = [
  define('service', {
    params: [textParam('name'), tagOrOptions, optionsParam],
    doc: "The instances of a service, or those with the tag, in the order of their keys (nearest first with `near`): `.id`, `.name`, `.address`, `.port`, `.tags`, `.meta`, `.weights` (`.passing`, `.warning`), `.kind`, `.taggedAddresses` (by name, `.address` and `.port`), `.node`, `.nodeAddress`, `.nodeTaggedAddresses`, `.nodeMeta`, `.datacenter`, `.status`, `.checks` (`.id`, `.name`, `.status`), or the same names with a capital letter. A name with `/` or `%` may be written as it is, or in the encoded form that `ls()` and `item.name` return. `web@dc2` and `dc2:web` are the service in another datacenter; the name before the colon may also be a named store of the resource's keys. Options override the store's settings for this look-up: `store` (a named store), `dc`, `health` (`passing`, `passing,warning`, `any`), `near`, `tag` (one tag, or a list), `filter` (a filter expression of Consul), `namespace`, `proxies` (include proxies of the mesh that have the same name). With `dc`, the name is taken literally. Without instances, the list is empty; a service outside the resource's keys is an error. The examples use a service shop with two instances, `n1:a` (blue, weight 5) and `n2:b` (green), and one in dc2.",
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
      {
        nunjucks: 'service("shop", {dc: "dc2"})[0].address',
        go: '(index (service "shop@dc2") 0).Address',
        keys: SHOP,
        result: '10.8.0.3',
      },
      {
        nunjucks: 'service("dc2:shop") | length',
        go: 'len (service "shop" (map "dc" "dc2"))',
        keys: SHOP,
        result: 1,
      },
      {
        nunjucks: 'service("shop", {health: "bad"})',
        go: 'service "shop" (map "health" "bad")',
        keys: SHOP,
        error: 'unknown health "bad"',
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
        error: 'in consul-template, the name means the tag blue of shop',
      },
      { nunjucks: 'service("red.shop")', go: 'service "red.shop"', keys: SHOP, result: [] },
      {
        nunjucks: 'service("shop|any")',
        go: 'service "shop|any"',
        keys: SHOP,
        error: '| and a health status after a name are consul-template syntax',
      },
    ],
    run: (context, name, second, third) => {
      const tag = typeof second === 'string' ? second : undefined
      return find(context, name, tag, typeof second === 'string' ? third : second)
    },
  }),
  define('services', {
    params: [listOptions('services')],
    doc: "The services that the resource's keys make visible: `.name`, and `.tags` of all its instances. Consul's catalog returns every registered service, healthy or not, without reading instances; other stores return services with an instance. Options: `store`, `dc`, `tag`, `namespace`, and `proxies`, which adds the proxies of the mesh.",
    examples: [
      {
        nunjucks: 'services()',
        go: 'services',
        keys: SHOP,
        result: [{ Name: 'shop', Tags: ['blue', 'green'] }],
      },
    ],
    run: (context, given) => {
      const { tags, lookUp, store } = optionsOf('services()', given, LIST_OPTIONS)
      const place = placeIn(context, 'services()', rootOf('services', lookUp), store)
      return context.reader
        .children(place, true)
        .map((part) => ({ name: nameOfPart(part), tags: tagsIn(context, joinKeys(place, part)) }))
        .filter((one) => tags.every((tag) => one.tags.includes(tag)))
        .sort((a, b) => compareText(a.name, b.name))
        .map(
          (one) =>
            new TemplateRecord(SERVICE_NAME, {
              ...one,
              tags: [...new Set(one.tags)].sort(compareText),
            }),
        )
    },
  }),
  define('nodes', {
    params: [listOptions('nodes')],
    doc: "The nodes of Consul, if the resource's keys include `/nodes`: `.node`, `.address`, `.taggedAddresses` (text by name), `.datacenter`, `.meta`, `.id`. Options: `store`, `dc`, `filter`.",
    examples: [
      {
        nunjucks: 'nodes()[0].Address',
        go: '(index nodes 0).Address',
        keys: SHOP,
        result: '10.1.0.1',
      },
    ],
    run: (context, given) => {
      const { lookUp, store } = optionsOf('nodes()', given, ['store', 'dc', 'filter'])
      const place = placeIn(context, 'nodes()', rootOf('nodes', lookUp), store)
      const found = context.reader.under(place).flat()
      return found.map(({ key, value }) => parseRecord(NODE, value, key))
    },
  }),
  define('node', {
    params: [textParam('name'), optionsParam],
    doc: 'One node with its services: the fields of `nodes()`, and `.services`, each with `.id`, `.name`, `.address`, `.port`, `.tags`, `.meta`, `.weights`, `.kind`, `.taggedAddresses`. If the node does not exist, returns null (in Go, nil). `n1@dc2`, `dc2:n1` and the options `store` and `dc` work as in `service`.',
    examples: [
      {
        nunjucks: 'node("n1").services[0].port',
        go: '(index (node "n1").Services 0).Port',
        keys: SHOP,
        result: 80,
      },
      { nunjucks: 'node("n9")', go: 'node "n9"', keys: SHOP, result: null },
    ],
    run: (context, name, given) => {
      const called = `node("${name}")`
      if (name === '') raise('template', `${called}: the name of the node is empty`)
      const { lookUp, store: asked } = optionsOf(called, given, ['store', 'dc'])
      const written = serviceName(name, () => given?.['dc'] !== undefined)
      const { store, dc } = whoseIs(context, written, asked)
      const dir = nodeKey(written.name, {
        ...lookUp,
        ...(dc === undefined ? {} : { dc }),
        services: true,
      })
      const key = placeIn(context, called, dir, store)
      const value = context.reader.get(key)
      return value === undefined ? null : parseRecord(NODE_WITH_SERVICES, value, key)
    },
  }),
  define('query', {
    params: [textParam('name'), optionsParam],
    doc: 'The instances of a prepared query of Consul, by its name or id, with the same fields as those of `service()`. Consul applies the failover and the filters of the query. Consul cannot report changes of the result, so the query runs again after its TTL, or every 10 s. In `keys`, a query is written like a service: `/services/geo`. Options: `store`, `dc` (the datacenter that runs the query) and `near`. `geo@dc2` and `dc2:geo` work as in `service`.',
    examples: [
      {
        nunjucks: 'query("geo")[0].address',
        go: '(index (query "geo") 0).Address',
        keys: SHOP,
        result: '10.0.9.1',
      },
    ],
    run: (context, name, given) => {
      const called = `query("${name}")`
      if (name === '') raise('template', `${called}: the name of the prepared query is empty`)
      const { lookUp, store: asked } = optionsOf(called, given, ['store', 'dc', 'near'])
      const written = serviceName(name, () => given?.['dc'] !== undefined)
      const { store, dc } = whoseIs(context, written, asked)
      const dir = serviceDir(written.name, {
        ...lookUp,
        ...(dc === undefined ? {} : { dc }),
        query: true,
      })
      const place = placeIn(context, called, dir, store)
      return chosen(context, place, instancesIn(context, place), [])
    },
  }),
  define('datacenters', {
    params: [
      listOptions(
        'datacenters',
        'write datacenters() in nunjucks, datacenters in Go, without arguments',
      ),
    ],
    doc: "The names of all datacenters that Consul knows, including its own, in alphabetical order. The names are read every 30 s. The resource's keys must include something below `/services` or `/nodes`. Option: `store`.",
    examples: [
      {
        nunjucks: 'datacenters() | join(" ")',
        go: 'join datacenters " "',
        keys: SHOP,
        result: 'dc1 dc2',
      },
    ],
    run: (context, given) => {
      const { store } = optionsOf('datacenters()', given, ['store'])
      const place = placeIn(context, 'datacenters()', DATACENTERS, store)
      return context.reader.children(place).map(nameOfPart)
    },
  }),
]
