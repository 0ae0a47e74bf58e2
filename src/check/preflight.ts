// `reconfd check -preflight`: checks that everything a run needs is available. Reads the resources' keys from every
// node of every store, creates and removes a hidden file beside every destination, checks the state directory, and
// looks up every command.
import { constants, existsSync } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runCommand } from '../apply/command.ts'
import { removeDirs } from '../apply/dirs.ts'
import { observe } from '../apply/observe.ts'
import { stage } from '../apply/stage.ts'
import type { Definitions } from '../config/refused.ts'
import { defined } from '../config/defined.ts'
import { shellWord } from '../core/command.ts'
import { ioFault } from '../core/errno.ts'
import { FaultError, type Fault } from '../core/fault.ts'
import { fixedFolder } from '../core/for-each.ts'
import { fullKey, relativeTo, storeOf, storeRoot, type Key } from '../core/key.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import { withTable, type Settings } from '../core/settings.ts'
import type { Store } from '../core/store.ts'
import { treeOf, type Tree } from '../core/tree.ts'
import type { WantedStore } from '../feeds/feeds.ts'
import { openStore } from '../stores/registry.ts'
import { wantedStores } from '../feeds/wanted-stores.ts'
import type { TableRow } from './table.ts'
import { counted, duration } from '../core/words.ts'
import { commandWords } from '../core/command-words.ts'

export interface Preflight {
  readonly rows: readonly TableRow[]
  /** Whether a store, one of its nodes or a key could not be read. */
  readonly unreachable: boolean
}

export async function preflight(
  settings: Settings,
  { resources, stores }: Definitions,
): Promise<Preflight> {
  const wanted = await wantedStores(settings, stores, resources)
  const asked = await Promise.all(wanted.map((one) => askStore(one, resources, settings.timeout)))
  const rows = asked.flat()
  return {
    rows: [
      ...rows,
      ...(await Promise.all(resources.flatMap(destinationRows))),
      await stateRow(settings),
      ...(await commandRows(resources)),
    ],
    unreachable: rows.some(({ state }) => state === 'failed'),
  }
}

const lineOf = ({ message, hint }: Fault): string =>
  hint === undefined ? message : `${message}\n${hint}`

/** Returns one row for each node, and one for each key of each resource. */
async function askStore(
  { settings, name, prefixes }: WantedStore,
  resources: readonly Resource[],
  timeout: number,
): Promise<TableRow[]> {
  const what = 'store'
  const detail = (fault: Fault): string => lineOf(withTable(fault, settings.definedIn))
  const opened = await openStore(settings)
  if (!opened.ok) {
    return [{ what, name: name ?? settings.backend, state: 'failed', detail: detail(opened.error) }]
  }
  const store = opened.value
  const found = await discoverNodes(store, timeout)
  if (found !== undefined) {
    return [{ what, name: name ?? store.name, state: 'failed', detail: detail(found) }]
  }
  const answers = await Promise.all(
    store.nodes.map(async (node) => ({
      node,
      read: await readOnce(store, node, prefixes, timeout),
    })),
  )
  const nodes = answers.map(({ node, read }): TableRow => {
    const full = { what, name: `${name ?? store.name} ${node}` }
    if (!(read instanceof Map)) return { ...full, state: 'failed', detail: detail(read as Fault) }
    return { ...full, state: 'ok', detail: keys(read.size) }
  })
  const good = answers.find(({ read }) => read instanceof Map)
  const tree = good === undefined ? undefined : treeOf(good.read as ReadonlyMap<Key, string>)
  // A node that denied the request for all keys may still grant a request for a single key. An unreachable node is not
  // tried again for each key.
  const refusing = answers.find(({ read }) => 'kind' in read && read.permanent === true)
  const readKey = async (own: Key): Promise<Tree | Fault> => {
    if (tree !== undefined) return tree
    if (refusing === undefined) return notAsked
    const read = await readOnce(store, refusing.node, [own], timeout)
    return read instanceof Map ? treeOf(read) : (read as Fault)
  }
  return [...nodes, ...(await keyRows(name, resources, readKey))]
}

/** Returns the fault if a store cannot discover its nodes (SRV records). */
async function discoverNodes(store: Store, timeout: number): Promise<Fault | undefined> {
  try {
    await store.findNodes?.(AbortSignal.timeout(timeout))
    return undefined
  } catch (error) {
    if (error instanceof FaultError) return error.fault
    throw error
  }
}

/** Returns the first snapshot of a node, or the fault. */
async function readOnce(
  store: Store,
  node: string,
  prefixes: readonly Key[],
  timeout: number,
): Promise<ReadonlyMap<Key, string> | Fault> {
  const signal = AbortSignal.timeout(timeout)
  const late: Fault = {
    kind: 'store',
    message: `no answer within ${duration(timeout)}`,
    hint: 'check that the node is reachable, or raise -timeout',
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

const notAsked: Fault = { kind: 'store', message: 'not read: no node of the store answered' }

/** @param read returns a tree that contains the key, if it exists, or the fault if the key cannot be read */
async function keyRows(
  name: string | undefined,
  resources: readonly Resource[],
  read: (key: Key) => Promise<Tree | Fault>,
): Promise<TableRow[]> {
  const rows: TableRow[] = []
  for (const { resource, key, own } of resourceKeys(resources, name)) {
    const row = { what: 'keys', name: `${resource} ${key}` }
    const here = await read(own)
    if ('kind' in here) {
      rows.push({ ...row, state: 'failed', detail: lineOf(here) })
      continue
    }
    const size = [...here.under(own)].length
    rows.push({ ...row, state: size === 0 ? 'warning' : 'ok', detail: keys(size) })
  }
  return rows
}

/** Lists each resource's keys in one store, with the full name (`key`) and the name within the store (`own`). */
function resourceKeys(resources: readonly Resource[], name: string | undefined) {
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

const keys = (n: number): string => (n === 0 ? 'no keys' : counted(n, 'key'))

const destinationRows = ({ name, templates }: Resource): Promise<TableRow>[] =>
  templates.map(async (spec): Promise<TableRow> => {
    const fault = await tryToWrite(spec)
    const row = { what: 'destination', name: `${name} ${spec.dest}` }
    return fault === undefined
      ? { ...row, state: 'ok', detail: 'can be written' }
      : { ...row, state: 'failed', detail: lineOf(fault) }
  })

/** Stages an empty file with the owner that a run would set, and removes it. */
async function tryToWrite(spec: TemplateSpec): Promise<Fault | undefined> {
  const { forEach, mode = 0o600 } = spec
  const dest = forEach === undefined ? spec.dest : join(fixedFolder(spec.dest), 'preflight')
  const there = await observe(dest, { ...spec, desired: spec })
  if (there.kind === 'unreadable') return there.fault
  const kept = there.kind === 'file' ? there : undefined
  const owner = defined({ uid: spec.uid ?? kept?.uid, gid: spec.gid ?? kept?.gid })
  const staged = stage({ ...spec, dest }, { bytes: new Uint8Array(), mode, ...owner }, spec.mkdirs)
  if (!staged.ok) return staged.error
  await staged.value.release()
  removeDirs(staged.value.madeDirs)
  return undefined
}

/** Checks that the state directory is writable or, if it is missing, that a run can create it. */
async function stateRow({ stateDir }: Settings): Promise<TableRow> {
  const row = { what: 'state', name: stateDir }
  let at = stateDir
  while (!existsSync(at)) at = dirname(at)
  try {
    if (!(await stat(at)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
    await access(at, constants.W_OK | constants.X_OK)
    return { ...row, state: 'ok', detail: 'can be written' }
  } catch (error) {
    const hint = 'set -state-dir to a directory that reconfd can write to'
    return { ...row, state: 'failed', detail: lineOf(ioFault(`cannot write ${at}`, error, hint)) }
  }
}

/** Looks up the programs of all commands, each program once. */
async function commandRows(resources: readonly Resource[]): Promise<TableRow[]> {
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
    [...users].map(async ([word, names]): Promise<TableRow> => {
      const options = { timeout: 10_000 }
      const asked = shellWord(word)
      const { exitCode } = await runCommand(`command -v -- ${asked}`, options)
      const row = { what: 'command', name: word }
      const used = names.join(', ')
      const failed = (message: string, hint: string): TableRow => ({
        ...row,
        state: 'failed',
        detail: `${message} (${used})\n${hint}`,
      })
      if (exitCode !== 0) {
        const hint =
          'install the program, correct the command, or set the PATH that reconfd runs with'
        return failed(`${word} was not found`, hint)
      }
      // In dash, `command -v` accepts every path, even that of a file that cannot be executed.
      const runs = `[ -f ${asked} ] && [ -x ${asked} ]`
      if (word.includes('/') && (await runCommand(runs, options)).exitCode !== 0) {
        return failed(
          `${word} is not an executable program`,
          'correct the path, or make the file executable (chmod +x)',
        )
      }
      return { ...row, state: 'ok', detail: `used by ${used}` }
    }),
  )
}
