// Reads `dest` and `for_each`: one file, or one file per match inside the fixed folder of `dest`.
import { join, resolve } from 'node:path'
import { FaultError } from '../core/fault.ts'
import { globBase, compileGlob } from '../core/glob.ts'
import { covers, toKey, type Key } from '../core/key.ts'

export interface DestinationKeys {
  /**
   * Absolute path. With `forEach`, a template for paths; the folder before its first `{{` is absolute and normalised.
   */
  readonly dest: string
  readonly forEach?: Key
}

type DestinationReport = (key: 'dest' | 'for_each', message: string, hint: string) => void

const example = 'dest = "/etc/nginx/sites/{{ base(item.key) }}.conf"'

/**
 * Reads `dest` and `for_each` of a template. The result is usable only if no fault was reported.
 * @param root the folder of -dest-root
 */
export function readDestination(
  table: {
    readonly dest?: string
    readonly for_each?: string
    readonly keys?: readonly string[]
  },
  report: DestinationReport,
  root: string | undefined,
): DestinationKeys {
  const { for_each: pattern } = table
  const dest = below(root, table.dest ?? '')
  if (table.dest?.startsWith('~/') === true) {
    const hint = 'write the full path, or ./~ for a folder named ~'
    report('dest', 'dest begins with ~, which only a shell expands', hint)
  }
  if (pattern === undefined) {
    if (dest.endsWith('/')) {
      const hint = `add the name of the file, as in dest = "${dest}example.conf"`
      report('dest', 'dest ends with /, so it names a folder', hint)
    }
    if (/\{\{|\{%/.test(dest)) {
      const hint = 'set for_each = "/vhosts/*" to write one file for each match'
      report('dest', 'dest is a template, but for_each is not set', hint)
    }
    return { dest: resolve(dest) }
  }
  checkPattern(pattern, table.keys ?? [], report)
  return { dest: dest === '' ? '' : destTemplate(dest, report), forEach: toKey(pattern) }
}

/** Moves a path, or a template for paths, below the root, if there is a root. */
function below(root: string | undefined, dest: string): string {
  if (root === undefined || dest === '') return dest
  const tag = dest.indexOf('{{')
  const fixed = tag < 0 ? dest.length : dest.lastIndexOf('/', tag) + 1
  return join(root, join('/', dest.slice(0, fixed))) + dest.slice(fixed)
}

function checkPattern(pattern: string, keys: readonly string[], report: DestinationReport): void {
  try {
    compileGlob(toKey(pattern))
  } catch (error) {
    if (!(error instanceof FaultError)) throw error
    report(
      'for_each',
      `for_each: ${error.fault.message}`,
      'correct the pattern: its special characters are *, ?, [a-z] and \\',
    )
    return
  }
  const base = toKey(globBase(toKey(pattern)))
  const possible = keys.map(toKey).some((key) => covers(key, base) || covers(base, key))
  if (possible) return
  const hint = `add ${base} to the keys of this template`
  report('for_each', `for_each cannot match anything: keys does not include ${base}`, hint)
}

/** Makes the folder absolute and leaves the template part unchanged. */
function destTemplate(dest: string, report: DestinationReport): string {
  const at = dest.indexOf('{{')
  if (at < 0) {
    const hint = `use the match in dest, as in ${example}`
    report('dest', 'with for_each every match would write the same file: dest contains no {{', hint)
    return resolve(dest)
  }
  const slash = dest.lastIndexOf('/', at)
  const folder = resolve(dest.slice(0, slash + 1))
  if (slash < 0 || folder === '/' || /\{[%#]/.test(dest.slice(0, slash))) {
    const hint = `begin dest with the folder that contains all its files, as in ${example}`
    report('dest', 'dest does not begin with a fixed folder', hint)
  }
  return `${folder}/${dest.slice(slash + 1)}`
}
