// How the reload commands of resources are to be run, alone and together. Times in milliseconds.
import { expandCommand } from './command.ts'
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
export function reloadsOf(
  { reload, sensitive }: Resource,
  specs: readonly TemplateSpec[],
): Reloads {
  const { onFailure, attempts, verify, minInterval, splay } = reload
  const reloads = new Map<string, ReloadTerms>()
  for (const { reloadCmd, reloadTimeout, dest } of specs) {
    if (reloadCmd === undefined) continue
    const command = expandCommand(reloadCmd, { src: dest, dest })
    reloads.set(command, {
      timeout: Math.max(reloadTimeout, reloads.get(command)?.timeout ?? 0),
      ...(onFailure === 'rollback' ? { attempts } : {}),
      minInterval,
      splay,
      verify: verify === undefined ? [] : [verify],
      ...(sensitive === true ? { sensitive } : {}),
    })
  }
  return reloads
}

/** The same reloads with nothing to go back to: they are tried for ever. */
export const withoutEnd = (reloads: Reloads): Reloads =>
  new Map([...reloads].map(([command, terms]) => [command, { ...terms, attempts: undefined }]))

/** One run serves all its owers: each gets at least the time, the peace and the proof that it asks for. */
export function mergeTerms(all: Iterable<ReloadTerms>): ReloadTerms {
  const most = { timeout: 0, minInterval: 0, splay: 0, sensitive: false }
  const verify = new Map<string, Verify>()
  for (const terms of all) {
    most.timeout = Math.max(most.timeout, terms.timeout)
    most.minInterval = Math.max(most.minInterval, terms.minInterval)
    most.splay = Math.max(most.splay, terms.splay)
    most.sensitive ||= terms.sensitive === true
    for (const one of terms.verify) verify.set(one.command, one)
  }
  return { ...most, verify: [...verify.values()] }
}
