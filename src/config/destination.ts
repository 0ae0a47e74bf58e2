// `dest` and `for_each`: one file, or one for each match, kept inside a folder that `dest` fixes.
import { join, resolve } from 'node:path'
import { FaultError } from '../core/fault.ts'
import { globBase, compileGlob } from '../core/glob.ts'
import { covers, toKey, type Key } from '../core/key.ts'

export interface Destination {
  /** Absolute. With `forEach` a template, its folder before the first `{{` normalised. */
  readonly dest: string
  readonly forEach?: Key
}

type Report = (key: 'dest' | 'for_each', message: string, hint: string) => void

const example = 'dest = "/etc/nginx/sites/{{ base(item.key) }}.conf"'

/**
 * Reads both keys of a template; complete only when nothing was reported.
 * @param root of `-dest-root`
 */
export function readDestination(
  table: {
    readonly dest?: string
    readonly for_each?: string
    readonly keys?: readonly string[]
  },
  report: Report,
  root: string | undefined,
): Destination {
  const { for_each: pattern } = table
  const dest = below(root, table.dest ?? '')
  if (pattern === undefined) {
    if (/\{\{|\{%/.test(dest)) {
      const hint = 'with for_each = "/vhosts/*" there is one file for each match, and dest is one'
      report('dest', 'dest is a template, and there is no for_each', hint)
    }
    return { dest: resolve(dest) }
  }
  checkPattern(pattern, table.keys ?? [], report)
  return { dest: dest === '' ? '' : destTemplate(dest, report), forEach: toKey(pattern) }
}

/** A path, or the folder that a template of paths begins with, put below the root if there is one. */
function below(root: string | undefined, dest: string): string {
  if (root === undefined || dest === '') return dest
  const tag = dest.indexOf('{{')
  const fixed = tag < 0 ? dest.length : dest.lastIndexOf('/', tag) + 1
  return join(root, join('/', dest.slice(0, fixed))) + dest.slice(fixed)
}

function checkPattern(pattern: string, keys: readonly string[], report: Report): void {
  try {
    compileGlob(toKey(pattern))
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    report('for_each', `for_each: ${error.fault.message}`, 'there are *, ?, [a-z] and \\')
    return
  }
  const base = toKey(globBase(toKey(pattern)))
  const possible = keys.map(toKey).some((key) => covers(key, base) || covers(base, key))
  if (possible) return
  const hint = `name ${base} among the keys of this template`
  report('for_each', `for_each can match nothing: keys does not name ${base}`, hint)
}

/** The folder is made absolute; what follows stays as it is, since a template is no path yet. */
function destTemplate(dest: string, report: Report): string {
  const at = dest.indexOf('{{')
  if (at < 0) {
    const hint = `let it depend on the match, as in ${example}`
    report('dest', 'with for_each every match would write the same file: dest holds no {{', hint)
    return resolve(dest)
  }
  const slash = dest.lastIndexOf('/', at)
  const folder = resolve(dest.slice(0, slash + 1))
  if (slash < 0 || folder === '/' || /\{[%#]/.test(dest.slice(0, slash))) {
    const hint = `begin it with the folder that all of them are in, as in ${example}`
    report('dest', 'dest fixes no folder that its files are kept inside', hint)
  }
  return `${folder}/${dest.slice(slash + 1)}`
}
