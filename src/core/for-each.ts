// One template, many files: the path of each, from what `dest` was rendered to. A key or a value can
// hold anything, so no path leaves the folder that `dest` fixes, whatever stands in the store:
//
// - control characters, line separators and halves of surrogate pairs become `_`;
// - a part that is empty, `.` or `..` is refused, as is a name that is too long;
// - a `/` that comes from a key makes a folder inside (`mkdirs` makes it); `base(item.key)` has none;
// - where a command names the file, the path means itself to every shell.
import { isPlain, PLAIN } from './command.ts'
import type { Fault } from './fault.ts'
import type { TemplateSpec } from './resource.ts'
import { err, ok, type Result } from './result.ts'

/** What Linux allows, in bytes. */
const NAME_MAX = 255
const PATH_MAX = 4095

const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu
/** The names of staged files: they are removed when their process is gone. */
const STAGED = /^\..*\.reconfd-/

const HINT =
  'Correct the key, or let `dest` make another name of it: base(item.key) is its last part.'

/** The folder that all files are kept inside: the text before the first `{{`, up to its last `/`. */
export function fixedFolder(dest: string): string {
  const at = dest.indexOf('{{')
  return dest.slice(0, dest.lastIndexOf('/', at < 0 ? undefined : at))
}

/** How a file of some templates is reached: whether a link at it is followed, and which folder it may not leave. */
export function placeRules(
  templates: readonly Pick<TemplateSpec, 'dest' | 'forEach' | 'followSymlinks'>[],
  dest: string,
): { readonly followSymlinks?: boolean; readonly within?: string } {
  for (const spec of templates) {
    const { followSymlinks } = spec
    if (spec.forEach === undefined && spec.dest === dest) return { followSymlinks }
    const within = fixedFolder(spec.dest)
    if (spec.forEach !== undefined && dest.startsWith(`${within}/`))
      return { followSymlinks, within }
  }
  return {}
}

/**
 * The path of the file that one match makes.
 * @param dest the template of the paths, its folder absolute and normalised
 * @param key of the match, for the fault
 * @param rendered what the template made of it
 * @param inCommand a command names the file: its path has to be plain
 */
export function destFor(
  dest: string,
  key: string,
  rendered: string,
  inCommand = false,
): Result<string, Fault> {
  const folder = fixedFolder(dest)
  const refused = (why: string): Result<never, Fault> =>
    err({ kind: 'template', message: `no file for ${told(key)}: its path ${why}`, hint: HINT })
  if (!rendered.startsWith(`${folder}/`)) return refused(`is not inside ${folder}`)

  const name = rendered.slice(folder.length + 1).replace(UNFIT, '_')
  for (const part of name.split('/')) {
    if (part === '') return refused('has an empty part')
    if (part === '.' || part === '..') return refused(`has the part ${part}`)
    if (Buffer.byteLength(part) > NAME_MAX) {
      return refused(`has a part that is longer than ${NAME_MAX} bytes`)
    }
    if (STAGED.test(part)) return refused('looks like that of a staged file')
  }
  const path = `${folder}/${name}`
  if (inCommand && !isPlain(path)) {
    return refused(
      `may hold only ${PLAIN}, and no part that begins with -, since check_cmd names the file`,
    )
  }
  if (Buffer.byteLength(path) > PATH_MAX) return refused(`is longer than ${PATH_MAX} bytes`)
  return ok(path)
}

/** The fault of two matches that make the same path; undefined when all differ. */
export function sharedDest(
  files: Iterable<{ readonly key: string; readonly dest: string }>,
): Fault | undefined {
  const keys = new Map<string, string>()
  for (const { key, dest } of files) {
    const other = keys.get(dest)
    if (other !== undefined) {
      return {
        kind: 'template',
        message: `${told(other)} and ${told(key)} make the same file: ${dest}`,
        hint: 'Let `dest` hold more of the key, such as its folder.',
      }
    }
    keys.set(dest, key)
  }
  return undefined
}

const TOLD_MAX = 200

/** A key in a message: on one line, and not without end. */
function told(key: string): string {
  const line = key.replace(UNFIT, '_')
  return line.length > TOLD_MAX ? `${line.slice(0, TOLD_MAX)}...` : line
}
