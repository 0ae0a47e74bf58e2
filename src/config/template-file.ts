// Checks that the file of a template exists, and finds the file that a wrong `src` probably means.
import { accessSync, constants, readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { nearest } from './nearest.ts'

/** Returns what is wrong with the `src` of a template; undefined if it is a readable file below `folder`. */
export function templateFault(
  src: string,
  folder: string,
): { readonly message: string; readonly hint: string } | undefined {
  const file = join(folder, src)
  try {
    if (!statSync(file).isFile()) {
      return {
        message: `template ${src} is not a file`,
        hint: `set src to a file, instead of ${file}`,
      }
    }
    accessSync(file, constants.R_OK)
    return undefined
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') {
      return {
        message: `template ${src} cannot be read: ${code}`,
        hint: `check the permissions of ${file}`,
      }
    }
    const near = probable(src, folder)
    const hint =
      near === undefined
        ? `create ${file}, or correct src`
        : `did you mean src = "${near}"? Otherwise create ${file}`
    return { message: `template ${src} is missing`, hint }
  }
}

/** Finds a template with the same name, if `src` contains the folder of the templates, or with a similar name. */
function probable(src: string, folder: string): string | undefined {
  const top = namesIn(folder)
  const name = basename(src)
  if (name !== src && top.includes(name)) return name
  const within = dirname(src)
  const near = nearest(name, within === '.' ? top : namesIn(join(folder, within)))
  return near === undefined ? undefined : join(within, near)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [] : [entry.name],
    )
  } catch {
    return []
  }
}
