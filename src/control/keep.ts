// Writes the status file in the state directory: repeatedly for a daemon, and once at the end of a onetime run.
// Separate from the control socket, so that a onetime run does not load node:net.
import { existsSync } from 'node:fs'
import type { DaemonControls } from '../core/control.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Settings } from '../core/settings.ts'
import { isTooLong } from '../system/socket-path.ts'
import { socketPath, statusPath } from './paths.ts'
import { readStatus, StatusFile } from '../state/status-file.ts'

/** Writes the status of a finished onetime run, unless a daemon is running and keeps its own. */
export async function keepStatus(
  settings: Settings,
  controls: Pick<DaemonControls, 'status' | 'restore'>,
  emit: Emit,
): Promise<void> {
  const path = socketPath(settings)
  if (!isTooLong(path) && existsSync(path)) {
    const { isAlive } = await import('../system/unix-socket.ts')
    if (await isAlive(path)) return
  }
  const previous = await readStatus(statusPath(settings)).catch(() => undefined)
  if (previous !== undefined) controls.restore(previous)
  // The status file is optional, so a failure is logged only at debug level.
  const report = (message: string): void => emit({ kind: 'notice', level: 'debug', message })
  await statusFile(settings, controls, report).close()
}

export function statusFile(
  settings: Settings,
  controls: Pick<DaemonControls, 'status'>,
  report: (message: string) => void,
): StatusFile {
  let isReported = false
  const failed = ({ message, hint }: Fault): void => {
    if (!isReported) report(`${message}; ${hint}`)
    isReported = true
  }
  return new StatusFile(statusPath(settings), () => controls.status(), failed)
}
