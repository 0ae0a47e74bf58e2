// Builds the program's environment by the rules of consul-template's exec.env. The environment contains all of
// `custom`, and those of reconfd's own variables that the allowlist matches and the denylist does not.
import type { EnvPolicy } from '../core/exec.ts'

/**
 * @param ours reconfd's environment, without the secrets that only reconfd needs
 * @param login HOME, USER and LOGNAME of the user that the program runs as; the lists do not affect them
 */
export function environmentOf(
  { pristine, custom, allowlist, denylist }: EnvPolicy,
  ours: Readonly<NodeJS.ProcessEnv>,
  login: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  const isAllowed = (name: string): boolean =>
    !pristine && (allowlist.length === 0 || isIn(allowlist, name)) && !isIn(denylist, name)
  const inherited = Object.entries(ours).filter(([name]) => isAllowed(name))
  const own = custom.map((text): [string, string] => {
    const at = text.indexOf('=')
    return [text.slice(0, at), text.slice(at + 1)]
  })
  return Object.fromEntries([...inherited, ...Object.entries(login), ...own])
}

const isIn = (patterns: readonly string[], name: string): boolean =>
  patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`, 's').test(name)
  })
