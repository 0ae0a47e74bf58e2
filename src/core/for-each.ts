// Derives the path of each file of a for_each template from the rendered `dest`. Keys and values are hostile input, so
// no path leaves the fixed folder of `dest`:
//
// - control characters, line separators and lone surrogates become `_`;
// - empty components, `.`, `..` and names that are too long are refused;
// - a `/` from a key becomes a subfolder, which `mkdirs` creates; `base(item.key)` contains no `/`;
// - if a command contains the path, the path may contain only characters that every shell takes literally.
import { isPlain, PLAIN } from './command.ts'
import type { Fault } from './fault.ts'
import type { TemplateSpec } from './resource.ts'
import { err, ok, type Result } from './result.ts'

/** Linux limits in bytes. */
const NAME_MAX = 255
const PATH_MAX = 4095

const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu
/** Matches the names of staged files. reconfd removes such files when the process that staged them has exited. */
const STAGED = /^\..*\.reconfd-/

const HINT =
  'correct the key, or derive another name in `dest`: base(item.key) is the last component of the key'

/** The folder that contains all files of a template: the text before the first `{{`, up to its last `/`. */
export function fixedFolder(dest: string): string {
  const at = dest.indexOf('{{')
  return dest.slice(0, dest.lastIndexOf('/', at < 0 ? undefined : at))
}

/** Returns the rules for a destination: whether links are followed, and the folder that must contain it. */
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
 * Returns the path of the file for one match, or the fault if the path is refused.
 * @param dest the template of the path, with an absolute and normalised folder
 * @param key the key of the match, for messages
 * @param rendered `dest` as rendered for this match
 * @param inCommand whether a command contains the path, which must then be plain
 */
export function destFor(
  dest: string,
  key: string,
  rendered: string,
  inCommand = false,
): Result<string, Fault> {
  const folder = fixedFolder(dest)
  const refused = (why: string): Result<never, Fault> =>
    err({ kind: 'template', message: `no file for ${shownKey(key)}: its path ${why}`, hint: HINT })
  if (!rendered.startsWith(`${folder}/`)) return refused(`is not inside ${folder}`)

  const name = rendered.slice(folder.length + 1).replace(UNFIT, '_')
  for (const part of name.split('/')) {
    if (part === '') return refused('has an empty component')
    if (part === '.' || part === '..') return refused(`has the component ${part}`)
    if (Buffer.byteLength(part) > NAME_MAX) {
      return refused(`has a component longer than ${NAME_MAX} bytes`)
    }
    if (STAGED.test(part)) return refused('looks like the path of a staged file')
  }
  const path = `${folder}/${name}`
  if (inCommand && !isPlain(path)) {
    return refused(
      `is not safe in check_cmd: it may contain only ${PLAIN}, and no component may begin with -`,
    )
  }
  if (Buffer.byteLength(path) > PATH_MAX) return refused(`is longer than ${PATH_MAX} bytes`)
  return ok(path)
}

/** The fault if two matches have the same path; undefined if all differ. */
export function sharedDest(
  files: Iterable<{ readonly key: string; readonly dest: string }>,
): Fault | undefined {
  const keys = new Map<string, string>()
  for (const { key, dest } of files) {
    const other = keys.get(dest)
    if (other !== undefined) {
      return {
        kind: 'template',
        message: `${shownKey(other)} and ${shownKey(key)} write the same file: ${dest}`,
        hint: 'use more of the key in `dest`, such as its directory',
      }
    }
    keys.set(dest, key)
  }
  return undefined
}

const MAX_KEY_LENGTH = 200

/** Escapes and shortens a key for a message. */
function shownKey(key: string): string {
  const line = key.replace(UNFIT, '_')
  return line.length > MAX_KEY_LENGTH ? `${line.slice(0, MAX_KEY_LENGTH)}...` : line
}
