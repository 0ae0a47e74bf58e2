// The preflight: whether all that a run needs is there. Every node of every store is asked for the keys
// of the resources, a hidden file is made beside every destination and removed again, and the shell
// is asked for every command.
import { join } from 'node:path'
import { runCommand } from '../apply/command.ts'
import { removeDirs } from '../apply/dirs.ts'
import { observe } from '../apply/observe.ts'
import { release, stage } from '../apply/stage.ts'
import type { LoadedResources } from '../config/resources.ts'
import { shellWord } from '../core/command.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import { fixedFolder } from '../core/for-each.ts'
import { fullKey, relativeTo, storeOf, storeRoot, type Key } from '../core/key.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { Settings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import { treeOf, type Tree } from '../core/tree.ts'
import type { Wanted } from '../flow/feeds.ts'
import { openStore } from '../stores/registry.ts'
import { wantedStores } from '../wanted-stores.ts'
import { commandWords } from './command-words.ts'
import type { Row } from './table.ts'

export interface Preflight {
  readonly rows: readonly Row[]
  /** A store was not reached. */
  readonly unreachable: boolean
}

export async function preflight(
  settings: Settings,
  { resources, stores }: LoadedResources,
): Promise<Preflight> {
  const wanted = wantedStores(settings, stores, resources)
  const asked = await Promise.all(wanted.map((one) => askStore(one, resources, settings.timeout)))
  const rows = asked.flat()
  return {
    rows: [
      ...rows,
      ...(await Promise.all(resources.flatMap(destinationRows))),
      ...(await commandRows(resources)),
    ],
    unreachable: rows.some(({ state }) => state === 'failed'),
  }
}

const lineOf = ({ message, hint }: Fault): string =>
  hint === undefined ? message : `${message}\n${hint}`

/** A row for each node, and one for each key of each resource. */
async function askStore(
  { settings, name, prefixes }: Wanted,
  resources: readonly Resource[],
  timeout: number,
): Promise<Row[]> {
  const what = 'store'
  const opened = await openStore(settings)
  if (!opened.ok) {
    return [{ what, name: name ?? settings.backend, state: 'failed', detail: lineOf(opened.error) }]
  }
  const store = opened.value
  const found = await nodesOf(store, timeout)
  if (found !== undefined) {
    return [{ what, name: name ?? store.name, state: 'failed', detail: lineOf(found) }]
  }
  const answers = await Promise.all(
    store.nodes.map(async (node) => ({
      node,
      read: await readOnce(store, node, prefixes, timeout),
    })),
  )
  const nodes = answers.map(({ node, read }): Row => {
    const full = { what, name: `${name ?? store.name} ${node}` }
    if (!(read instanceof Map)) return { ...full, state: 'failed', detail: lineOf(read as Fault) }
    return { ...full, state: 'ok', detail: keys(read.size) }
  })
  const good = answers.find(({ read }) => read instanceof Map)
  const tree = good === undefined ? undefined : treeOf(good.read as ReadonlyMap<Key, string>)
  const [first = ''] = store.nodes
  return [...nodes, ...(await keyRows(store, first, name, resources, tree, timeout))]
}

/** Why the nodes of a store that has to look for them were not found. */
async function nodesOf(store: Store, timeout: number): Promise<Fault | undefined> {
  try {
    await store.findNodes?.(AbortSignal.timeout(timeout))
    return undefined
  } catch (error) {
    if (error instanceof FaultError) return error.fault
    throw error
  }
}

/** The first snapshot of a node, or why there is none. */
async function readOnce(
  store: Store,
  node: string,
  prefixes: readonly Key[],
  timeout: number,
): Promise<ReadonlyMap<Key, string> | Fault> {
  const signal = AbortSignal.timeout(timeout)
  const late: Fault = {
    kind: 'store',
    message: `no answer within ${timeout / 1000} s`,
    hint: 'Is it reachable? -timeout sets how long to wait.',
  }
  try {
    for await (const event of store.watch(node, prefixes, signal)) {
      if (event.kind === 'snapshot') return event.entries
    }
    return late
  } catch (error) {
    if (signal.aborted) return late
    if (error instanceof FaultError) return error.fault
    throw error
  }
}

/** Where everything could be read at once, each key can; else each is asked for by itself. */
async function keyRows(
  store: Store,
  node: string,
  name: string | undefined,
  resources: readonly Resource[],
  tree: Tree | undefined,
  timeout: number,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const { resource, key, own } of keysIn(resources, name)) {
    const row = { what: 'keys', name: `${resource} ${key}` }
    const read = tree ?? (await readOnce(store, node, [own], timeout))
    if ('kind' in read) {
      rows.push({ ...row, state: 'failed', detail: lineOf(read) })
      continue
    }
    const here = read instanceof Map ? treeOf(read) : (read as Tree)
    const size = [...here.under(own)].length
    rows.push({ ...row, state: size === 0 ? 'warning' : 'ok', detail: keys(size) })
  }
  return rows
}

/** The full keys of the resources that lie in a store, each resource's once, and as the store has them. */
function keysIn(resources: readonly Resource[], name: string | undefined) {
  return resources.flatMap((resource) => {
    const all = resource.templates.flatMap((spec) =>
      spec.keys.map((key) => fullKey(spec.prefix, key)),
    )
    return [...new Set(all)]
      .filter((key) => storeOf(key) === name)
      .map((key) => ({
        resource: resource.name,
        key,
        own: name === undefined ? key : relativeTo(storeRoot(name), key),
      }))
  })
}

const keys = (n: number): string => (n === 0 ? 'no keys' : n === 1 ? '1 key' : `${n} keys`)

const destinationRows = ({ name, templates }: Resource): Promise<Row>[] =>
  templates.map(async (spec): Promise<Row> => {
    const fault = await tryToWrite(spec)
    const row = { what: 'destination', name: `${name} ${spec.dest}` }
    return fault === undefined
      ? { ...row, state: 'ok', detail: 'can be written' }
      : { ...row, state: 'failed', detail: lineOf(fault) }
  })

/** Stages an empty file as a run would, owner included, and takes it away again. */
async function tryToWrite(spec: TemplateSpec): Promise<Fault | undefined> {
  const { forEach, uid, gid, mode = 0o600 } = spec
  const dest = forEach === undefined ? spec.dest : join(fixedFolder(spec.dest), 'preflight')
  const owner = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) }
  const there = await observe(dest, spec.followSymlinks)
  if (there.kind === 'unreadable') return there.fault
  const staged = stage(dest, { bytes: new Uint8Array(), mode, ...owner }, spec)
  if (!staged.ok) return staged.error
  await release(staged.value, false)
  removeDirs(staged.value.madeDirs)
  return undefined
}

/** Every program that a command begins with, looked for once. */
async function commandRows(resources: readonly Resource[]): Promise<Row[]> {
  const users = new Map<string, string[]>()
  for (const { name, templates, reload, groupCheck } of resources) {
    const commands = [
      ...templates.flatMap(({ checkCmd, reloadCmd }) => [checkCmd, reloadCmd]),
      reload.verify?.command,
      groupCheck?.command,
    ]
    const words = new Set(commands.flatMap((command) => commandWords(command ?? '')))
    for (const word of words) users.set(word, [...(users.get(word) ?? []), name])
  }
  return Promise.all(
    [...users].map(async ([word, names]): Promise<Row> => {
      const options = { timeout: 10_000 }
      const { exitCode } = await runCommand(`command -v -- ${shellWord(word)}`, options)
      const row = { what: 'command', name: word }
      if (exitCode === 0) return { ...row, state: 'ok', detail: `of ${names.join(', ')}` }
      const hint = 'Install it, correct the command, or set the PATH that reconfd runs with.'
      const message = `${word} was not found (${names.join(', ')})`
      return { ...row, state: 'failed', detail: `${message}\n${hint}` }
    }),
  )
}
