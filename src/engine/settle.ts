// Executes a reload run: changes running HAProxy processes to match their new file, or else runs the reload command.
import type { FileChange } from '../apply/apply.ts'
import { longestReload } from '../apply/reload.ts'
import { expandCommand, isExpansion } from '../core/command.ts'
import type { CommandResult, Fallback } from '../core/event.ts'
import type { Run } from '../core/reload-run.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import type { ReloadLoad, Runtime, LoadTarget } from '../haproxy/runtime.ts'
import type { ReloadRun } from './machine.ts'
import type { Parts } from './parts.ts'

/**
 * Maximum duration of all requests to the Runtime API together, in milliseconds. Each request also has its own timeout.
 */
const LONGEST_ATTEMPT = 30_000

/** Maximum duration of settle() in milliseconds. */
export function longestSettlement({ terms }: Run, resources: readonly Resource[]): number {
  const drains = resources.flatMap(({ templates }) =>
    templates.map(({ haproxy }) => haproxy?.drain ?? 0),
  )
  const isPlain = resources.every(({ templates }) =>
    templates.every((spec) => spec.haproxy === undefined),
  )
  return (
    longestReload(terms) * (isPlain ? 1 : 2) + (isPlain ? 0 : LONGEST_ATTEMPT + Math.max(...drains))
  )
}

/** Executes a run. @param resources the resources whose files the command reads */
export async function settle(
  run: Run,
  resources: readonly Resource[],
  parts: Parts,
): Promise<ReloadRun> {
  const { machine } = parts
  const load = loadOf(run.command, resources)
  if (load === undefined) return machine.reload(run.command, run.terms)
  const runtime = await parts.runtime()
  const brought = machine.isRunning(run.command)
    ? await bring(run, load, runtime, parts)
    : undefined
  if (brought?.runtime !== undefined) return brought
  const mark = await runtime.reloading(load)
  const ended = await machine.reload(run.command, run.terms)
  if (ended.fault === undefined) await runtime.reloaded(mark)
  return { ...ended, ...(brought?.fallback === undefined ? {} : { fallback: brought.fallback }) }
}

/**
 * Returns the files that the command loads into HAProxy; undefined if no template of these resources has
 * [template.haproxy].
 */
function loadOf(command: string, resources: readonly Resource[]): ReloadLoad | undefined {
  const targets: LoadTarget[] = []
  const strangers: string[] = []
  for (const { name, templates } of resources) {
    const specs = templates.filter((spec) => isLoaded(spec, command))
    const others = specs.flatMap(({ haproxy, dest }) => (haproxy === undefined ? [dest] : []))
    const own = specs.flatMap(({ haproxy, dest }) =>
      haproxy === undefined ? [] : [{ dest, ...haproxy, others }],
    )
    // The set of files of a for_each template is not fixed, so a change to its resource needs a reload.
    if (own.length === 0 || specs.some(({ forEach }) => forEach !== undefined)) strangers.push(name)
    targets.push(...own)
  }
  return targets.length === 0 ? undefined : { targets, strangers }
}

const isLoaded = ({ reloadCmd, dest, forEach }: TemplateSpec, command: string): boolean => {
  if (reloadCmd === undefined) return false
  if (forEach !== undefined) return isExpansion(reloadCmd, command)
  return expandCommand(reloadCmd, { src: dest, dest }) === command
}

type Brought = Pick<ReloadRun, 'runtime' | 'fallback'> & { readonly result: CommandResult }

async function bring(
  run: Run,
  load: ReloadLoad,
  runtime: Runtime,
  { machine }: Parts,
): Promise<Brought> {
  const began = performance.now()
  const attempt = await runtime.attempt(load)
  const result: CommandResult = {
    ...{ exitCode: 0, signal: null, timedOut: false, output: '', truncated: 0 },
    duration: Math.round(performance.now() - began),
  }
  if (attempt.kind === 'declined') return { result, fallback: attempt.reason }
  const refused = await machine.verify(run.terms)
  if (refused?.fault === undefined) return { result, runtime: attempt.changes }
  return { result, fallback: { code: 'verify', text: refused.fault.message } }
}

/** Forgets which files HAProxy has loaded, so that the next reload runs its command. */
export async function forgetLoaded(
  templates: readonly TemplateSpec[],
  parts: Parts,
): Promise<void> {
  for (const { haproxy, dest } of templates) {
    if (haproxy !== undefined) await (await parts.runtime()).forget(dest)
  }
}

/** Resumes the deletions of HAProxy servers that an earlier run began. */
export async function resumeLoaded(resources: readonly Resource[], parts: Parts): Promise<void> {
  const dests = resources.flatMap(({ templates }) =>
    templates.flatMap(({ haproxy, dest }) => (haproxy === undefined ? [] : [dest])),
  )
  if (dests.length > 0) await (await parts.runtime()).resume(dests)
}

/** For -noop: reports, for each changed HAProxy file, whether the change would need a reload. */
export async function foresee(
  changes: readonly FileChange[],
  { runtime, emit }: Parts,
): Promise<void> {
  for (const { resource, spec, plan } of changes) {
    const { haproxy, dest, reloadCmd } = spec
    if (haproxy === undefined || plan.why === 'remove' || plan.why === 'metadata') continue
    const other = changes.find(
      ({ spec: { haproxy: own, reloadCmd: command } }) =>
        own === undefined && command === reloadCmd,
    )
    const content = Buffer.from(plan.next.bytes).toString('latin1')
    const attempt =
      other === undefined
        ? await (await runtime()).plan(dest, haproxy.sockets, content)
        : { kind: 'declined' as const, reason: alsoChanged(other.spec.dest) }
    const how =
      attempt.kind === 'declined' ? { fallback: attempt.reason } : { runtime: attempt.changes }
    emit({ kind: 'foreseen', resource, dest, ...how })
  }
}

const alsoChanged = (dest: string): Fallback => ({
  code: 'other-files',
  text: `${dest} changes as well`,
})
