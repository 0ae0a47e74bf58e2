// The terms on which reload commands run, such as timeouts and intervals, and how they are merged. Times are in
// milliseconds.
import { expandCommand, isExpansion, namesFile } from './command.ts'
import type { ReloadPolicy, Resource, TemplateSpec } from './resource.ts'

/** The terms of one reload command. */
export interface ReloadTerms {
  readonly timeout: number
  /** Number of failures before a rollback; absent: no rollback. */
  readonly attempts?: number | undefined
  /** Minimum time between the starts of two runs. */
  readonly minInterval: number
  /** Maximum random delay before a run. */
  readonly splay: number
  /** Verifications that must succeed after the command. */
  readonly verify: readonly Verify[]
  /** Hide the output of the commands. */
  readonly sensitive?: boolean
}

export type Verify = NonNullable<ReloadPolicy['verify']>

/** Distinct reload commands with their terms. */
export type Reloads = ReadonlyMap<string, ReloadTerms>

/**
 * The distinct expanded reload commands of some templates of a resource. When the commands run, the staged file has
 * been renamed to the destination, so `src` expands to the destination too.
 */
export function reloadsOf(resource: Resource, specs: readonly TemplateSpec[]): Reloads {
  const reloads = new Map<string, ReloadTerms>()
  for (const spec of specs) {
    const { reloadCmd, dest } = spec
    if (reloadCmd === undefined) continue
    const command = expandCommand(reloadCmd, { src: dest, dest })
    const terms = termsOf(resource, spec)
    const timeout = Math.max(terms.timeout, reloads.get(command)?.timeout ?? 0)
    reloads.set(command, { ...terms, timeout })
  }
  return reloads
}

const termsOf = ({ reload }: Resource, { reloadTimeout }: TemplateSpec): ReloadTerms => ({
  timeout: reloadTimeout,
  ...(reload.onFailure === 'rollback' ? { attempts: reload.attempts } : {}),
  minInterval: reload.minInterval,
  splay: reload.splay,
  verify: reload.verify === undefined ? [] : [reload.verify],
  ...(reload.sensitive === true ? { sensitive: true } : {}),
})

/** The configured reloads of a resource, with which debts of an earlier configuration are compared. */
export interface ConfiguredReloads {
  /**
   * All reloads, except commands that contain the path of a for_each file, because each of these files has its own
   * command.
   */
  readonly all: Reloads
  /** Whether the resource has a verify_cmd, or a failed reload may lead to a rollback. */
  readonly areJudged: boolean
  /** The terms of a recorded command; undefined if it is no longer configured. */
  readonly find: (command: string) => ReloadTerms | undefined
}

export function configuredReloads(resource: Resource): ConfiguredReloads {
  const { templates } = resource
  const expanding = templates.filter(
    ({ forEach, reloadCmd }) => forEach !== undefined && namesFile(reloadCmd ?? ''),
  )
  const all = reloadsOf(
    resource,
    templates.filter((spec) => !expanding.includes(spec)),
  )
  return {
    all,
    areJudged: templates.some(
      (spec) => spec.reloadCmd !== undefined && isJudged(termsOf(resource, spec)),
    ),
    find(command) {
      const spec = expanding.find(({ reloadCmd }) => isExpansion(reloadCmd ?? '', command))
      return all.get(command) ?? (spec && termsOf(resource, spec))
    },
  }
}

/** The reloads for recorded commands. A command that is no longer configured is replaced by all configured commands. */
export function recordedReloads(
  commands: readonly string[],
  { all, find }: ConfiguredReloads,
): Reloads {
  const reloads = new Map<string, ReloadTerms>()
  for (const command of commands) {
    const terms = find(command)
    if (terms === undefined) for (const [other, own] of all) reloads.set(other, own)
    else reloads.set(command, terms)
  }
  return reloads
}

/** Updates the reloads of a placement to the current configuration. Commands still configured keep their terms. */
export function currentReloads(reloads: Reloads, configured: ConfiguredReloads): Reloads {
  const current = recordedReloads([...reloads.keys()], configured)
  return new Map([...current].map(([command, terms]) => [command, reloads.get(command) ?? terms]))
}

/** The merged terms of one run. */
export type RunTerms = Pick<ReloadTerms, 'timeout' | 'verify' | 'attempts' | 'sensitive'>

/** Whether the outcome of a run is a verdict about the files: the run may lead to a rollback, or verifies the files. */
export const isJudged = ({ attempts, verify }: RunTerms): boolean =>
  attempts !== undefined || verify.length > 0

/** Returns the same reloads without a rollback: they are retried until they succeed. */
export const withoutEnd = (reloads: Reloads): Reloads =>
  new Map([...reloads].map(([command, terms]) => [command, { ...terms, attempts: undefined }]))

/**
 * Merges the terms of all resources of a run. The result has the longest timeout and all verifications, and hides the
 * output if one of the resources hides it.
 */
export function mergeTerms(all: Iterable<RunTerms>): RunTerms {
  let timeout = 0
  let attempts: number | undefined
  let sensitive = false
  const verify = new Map<string, Verify>()
  for (const terms of all) {
    timeout = Math.max(timeout, terms.timeout)
    attempts = Math.max(attempts ?? 0, terms.attempts ?? 0) || undefined
    sensitive ||= terms.sensitive === true
    for (const one of terms.verify) verify.set(one.command, one)
  }
  return { timeout, attempts, sensitive, verify: [...verify.values()] }
}
