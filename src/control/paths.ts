// Paths of the control socket and the status file that belong to one confdir.
import { join } from 'node:path'
import type { Settings } from '../core/settings.ts'
import { shortId } from '../state/state-files.ts'

type Where = Pick<Settings, 'stateDir' | 'confdir'>

export const socketPath = ({ stateDir, confdir }: Where): string =>
  join(stateDir, `control-${shortId(confdir)}.sock`)

export const statusPath = ({ stateDir, confdir }: Where): string =>
  join(stateDir, `status-${shortId(confdir)}.json`)
