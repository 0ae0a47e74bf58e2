// How the reload commands of resources are to be run, alone and together. Times in milliseconds.
import { expandCommand, isExpansion, namesFile } from './command.ts'
import type { ReloadPolicy, Resource, TemplateSpec } from './resource.ts'

/** How one reload command is to be run. */
export interface ReloadTerms {
  readonly timeout: number
  /** After so many failures the previous files come back; absent: never. */
  readonly attempts?: number | undefined
  /** The least time between the starts of two runs. */
  readonly minInterval: number
  /** A random wait of up to this comes before a run. */
  readonly splay: number
  /** What has to succeed after the command. */
  readonly verify: readonly Verify[]
  /** What the commands print is not shown. */
  readonly sensitive?: boolean
}

export type Verify = NonNullable<ReloadPolicy['verify']>

/** Distinct reload commands and their terms. */
export type Reloads = ReadonlyMap<string, ReloadTerms>

/**
 * The distinct reload commands of some templates of a resource, ready to run. By the time they run the
 * staged file has become the destination, so `src` names that as well.
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

/** The reloads of a resource as it is configured: what debts of an earlier configuration are held against. */
export interface ConfiguredReloads {
  /** All of them, but for commands of for_each templates that name a file: each file has its own. */
  readonly all: Reloads
  /** A failed reload may lead to a rollback, or a verification judges it. */
  readonly areJudged: boolean
  /** The terms of a command that was recorded; undefined when it is not configured any more. */
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

/** How one run is to be done: the terms of all its owers together. */
export type RunTerms = Pick<ReloadTerms, 'timeout' | 'verify' | 'attempts' | 'sensitive'>

/** Whether the outcome of a run says something about the files: it may lead to a rollback, or it verifies. */
export const isJudged = ({ attempts, verify }: RunTerms): boolean =>
  attempts !== undefined || verify.length > 0

/** The same reloads with nothing to go back to: they are tried for ever. */
export const withoutEnd = (reloads: Reloads): Reloads =>
  new Map([...reloads].map(([command, terms]) => [command, { ...terms, attempts: undefined }]))

/** One run serves all its owers: each gets at least the time, the proof and the secrecy that it asks for. */
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
