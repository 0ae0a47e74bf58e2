// Loads a conf.d with files that a test gives as text.
import { formatFault } from '../../src/core/fault.ts'
import type { Settings } from '../../src/core/settings.ts'
import { loadResources } from '../../src/config/resources.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { folderOf } from './folder.ts'

/** Returns the settings of a run with this folder, with `-failure-mode fail-fast` unless `argv` overrides it. */
export async function settingsFor(
  confdir: string,
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Settings> {
  const result = await loadSettings(
    ['-confdir', confdir, '-failure-mode', 'fail-fast', ...argv],
    env,
  )
  if (!result.ok || result.value.kind !== 'run') throw new Error('bad settings')
  return result.value.settings
}

/** Loads a folder with these files. `text` contains all faults as an operator sees them, but with relative paths. */
export async function load(
  files: Record<string, string>,
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
) {
  const confdir = await folderOf({ 'templates/a.njk': 'a', 'templates/b.njk': 'b', ...files })
  const result = await loadResources(await settingsFor(confdir, argv, env))
  if (result.ok) return { ...result.value, confdir, text: '' }
  const text = result.error.map(formatFault).join('\n').replaceAll(`${confdir}/`, '')
  return { resources: [], notices: [], confdir, text }
}

/** The smallest valid resource. */
export const good = '[template]\nsrc = "a.njk"\ndest = "/tmp/a"\n'

/** Returns the lines of the messages about a resource file, without the name of the file. */
export async function faultLines(toml: string): Promise<string[]> {
  const { text } = await load({ 'conf.d/a.toml': toml })
  return text.split('\n').map((line) => line.replace(/^conf\.d\/a\.toml:/, ''))
}
