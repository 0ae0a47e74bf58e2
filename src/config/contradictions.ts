// Detects contradictory or ineffective settings.
import { attempt, type Fault } from '../core/fault.ts'
import { parseHttpNode } from '../core/http-node.ts'
import { duplicateFault } from './connection.ts'
import type { Values } from './options.ts'

export interface Contradiction {
  readonly about: readonly (keyof Values)[]
  readonly fault: Fault
}

const contradiction = (
  about: Contradiction['about'],
  message: string,
  hint: string,
): Contradiction => ({ about, fault: { kind: 'config', message, hint } })

/** Contradictions among all settings of a run. */
export function contradictions(given: Values): readonly Contradiction[] {
  const found: Contradiction[] = []
  const max = given['debounce-max']
  if (max !== undefined && max < (given.debounce ?? 0)) {
    const about = ['debounce', 'debounce-max'] as const
    found.push(
      contradiction(
        about,
        'debounce-max is shorter than debounce',
        'set debounce-max to at least the value of debounce',
      ),
    )
  }
  return [...found, ...storeContradictions(given), ...onetimeContradictions(given)]
}

/** Contradictions among the settings of one store. */
export function storeContradictions(given: Values): readonly Contradiction[] {
  const found: Contradiction[] = []
  if (given.backend === 'file' && (given.file ?? []).length === 0) {
    const hint = 'set -file to a YAML, JSON or TOML file, or to a folder of such files'
    found.push(contradiction(['backend'], 'the backend "file" needs a file to read', hint))
  }
  const twice = duplicateFault(given)
  if (twice !== undefined) found.push(twice)
  return [...found, ...(given.node ?? []).flatMap((node) => badNode(node, given))]
}

/** Returns the faults in the address of a node. Does not connect. ZooKeeper has its own syntax for several nodes. */
function badNode(
  node: string,
  { backend = 'etcdv3', scheme = 'http' }: Values,
): readonly Contradiction[] {
  const bad = (message: string, hint: string): readonly Contradiction[] => [
    contradiction(['node'], message, hint),
  ]
  if (node.trim() === '') {
    return bad(
      'a node is empty',
      'set an address, or remove -node to use the store on this machine',
    )
  }
  if (backend === 'zookeeper' || backend === 'file' || backend === 'env') return []
  if (node.includes(',')) {
    return bad(
      'a node contains several addresses',
      'repeat -node for each address: -node host1:port -node host2:port; in confd.toml: nodes = ["host1:port", "host2:port"]',
    )
  }
  if (backend === 'redis') return []
  const parsed = parseHttpNode(node, scheme, 0)
  return parsed.ok ? [] : bad(parsed.error.message, parsed.error.hint)
}

/** Returns the faults of ZooKeeper and Redis nodes. Their parsers are loaded only for these stores. */
export async function nodeContradictions(given: Values): Promise<readonly Contradiction[]> {
  const nodes = (given.node ?? []).filter((node) => node.trim() !== '')
  const parse = nodes.length === 0 ? undefined : await nodeParserOf(given)
  if (parse === undefined) return []
  const parsed = attempt(() => parse(nodes))
  return parsed.ok ? [] : [{ about: ['node'], fault: { ...parsed.error, kind: 'config' } }]
}

/** Returns a function that parses nodes and throws a FaultError if one of them is invalid. */
async function nodeParserOf({ backend, scheme = 'http' }: Values) {
  if (backend === 'zookeeper') return (await import('../core/zookeeper-node.ts')).expandNodes
  if (backend !== 'redis') return undefined
  const { parseRedisNode } = await import('../core/redis-node.ts')
  return (nodes: readonly string[]) => nodes.map((node) => parseRedisNode(node, scheme))
}

/** Contradictions that involve settings for onetime runs. */
function onetimeContradictions(given: Values): readonly Contradiction[] {
  const found: Contradiction[] = []
  const isOnetime = given.onetime === true
  const isCheck = given.preflight === true || given.validate === true
  if ((given.only ?? []).length > 0 && !isOnetime && !isCheck) {
    const hint = 'add -onetime, or use -only with reconfd check; a daemon serves all resources'
    found.push(contradiction(['only'], '-only is for onetime runs and checks', hint))
  }
  if (given['reload-always'] === true) {
    const other = (['noop', 'sync-only', 'no-reload'] as const).find((name) => given[name] === true)
    if (!isOnetime) {
      const hint = 'add -onetime; for a daemon, use: reconfd reload RESOURCE'
      found.push(contradiction(['reload-always'], '-reload-always is for onetime runs', hint))
    } else if (other !== undefined) {
      const message = `-reload-always and -${other} contradict each other`
      found.push(contradiction(['reload-always', other], message, 'leave one of them out'))
    }
  }
  return found
}
