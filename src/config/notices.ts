// Collects the notices about the settings of a run.
import type { Settings } from '../core/settings.ts'
import { completed, type Environment } from './ambient.ts'
import { backendOf, connectionNotices } from './connection.ts'
import { warning, type SettingsNotice } from './notice.ts'
import type { Values } from './options.ts'

/** @param typed the settings from the command line */
export function runNotices(
  given: Values,
  typed: Values,
  settings: Settings,
  stores: ReadonlyMap<string, Values>,
  env: Environment,
): readonly SettingsNotice[] {
  const lines = [...connectionNotices(given, typed)]
  if (given.onetime === true && given.watch === true) {
    lines.push('-onetime and -watch are both set: -onetime wins, as in confd')
  }
  if (!servesPage(settings) && given.http !== undefined) {
    lines.push('-http is not used: a onetime run serves no status page')
  }
  return [...lines.map(warning), ...unusedExec(settings), ...ambientNotices(given, stores, env)]
}

/** A onetime run serves the page only while it runs a program. */
export const servesPage = ({ mode, exec }: Settings): boolean =>
  mode !== 'onetime' || exec?.argv !== undefined

function unusedExec({ exec }: Settings): readonly SettingsNotice[] {
  if (exec === undefined || exec.argv !== undefined) return []
  const message =
    '[exec] is not used: it has no command, and the command line has no program after --'
  return [{ level: 'info', message }]
}

function ambientNotices(
  given: Values,
  stores: ReadonlyMap<string, Values>,
  env: Environment,
): readonly SettingsNotice[] {
  return [['', given] as const, ...stores].flatMap(([name, own]): SettingsNotice[] => {
    const { used } = completed(own, backendOf(own), env)
    if (used.length === 0) return []
    const whose = name === '' ? 'the store' : `the store ${name}`
    return [
      {
        level: 'info',
        message: `settings for ${whose} read from the environment: ${used.join(', ')}`,
      },
    ]
  })
}
