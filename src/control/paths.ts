// Where the control socket and the status file of a confdir are.
import { join } from 'node:path'
import type { Settings } from '../core/settings.ts'
import { idOf } from '../state/state-files.ts'

type Where = Pick<Settings, 'stateDir' | 'confdir'>

export const socketPath = ({ stateDir, confdir }: Where): string =>
  join(stateDir, `control-${idOf(confdir)}.sock`)

export const statusPath = ({ stateDir, confdir }: Where): string =>
  join(stateDir, `status-${idOf(confdir)}.json`)
