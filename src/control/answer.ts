// The daemon's side of the control socket: carries out one request and builds the response.
import {
  resourceNamed,
  type ControlResponse,
  type DaemonControls,
  type ControlRequest,
} from '../core/control.ts'
import { summaryOf } from '../core/status.ts'

export async function handle(
  { command, resource: wanted }: ControlRequest,
  controls: DaemonControls,
): Promise<ControlResponse> {
  const status = controls.status()
  if (command === 'status') return { kind: 'status', status: summaryOf(status) }
  if (command === 'resync') {
    const done = controls.resync()
    if (!done.ok) return { kind: 'refused', message: done.error }
    return { kind: 'done', message: 'resync started: re-reading all keys and comparing all files' }
  }
  const history = resourceNamed(wanted ?? '', status.resources)
  if (history === undefined) {
    const known = status.resources.map(({ name }) => name).sort()
    return { kind: 'unknown-resource', name: wanted ?? '', known }
  }
  if (command === 'why') return { kind: 'history', history, at: status.at }
  const { name } = history
  const done = await controls[command](name)
  if (!done.ok) return { kind: 'refused', message: done.error }
  return { kind: 'done', message: `${name}: ${DONE[command]}` }
}

const DONE = {
  reload: 'reload started',
  accept: 'accepted; the change is being applied',
} as const
