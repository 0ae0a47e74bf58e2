// Makes a daemon observable: starts its control socket and keeps its status file up to date.
import type { DaemonControls } from '../core/control.ts'
import type { Emit } from '../core/event.ts'
import type { Settings } from '../core/settings.ts'
import { isTooLong } from '../system/socket-path.ts'
import { isAlive } from '../system/unix-socket.ts'
import { socketPath, statusPath } from './paths.ts'
import { statusFile } from './keep.ts'
import { KeptSocket } from './kept-socket.ts'
import type { StateFolder } from '../state/folder.ts'
import { readStatus } from '../state/status-file.ts'

export interface Control {
  /** Call when the status has changed. */
  changed(): void
  /** Closes the socket and writes the final status. */
  close(): Promise<void>
}

const nothing: Control = { changed: () => undefined, close: async () => undefined }

/**
 * Never rejects: without its socket or status file, the daemon logs a warning and keeps running.
 * @param folder the state directory. If the socket in it is removed, files may be missing too, so all are rewritten
 */
export async function startControl(
  settings: Settings,
  controls: DaemonControls,
  emit: Emit,
  folder: StateFolder,
): Promise<Control> {
  const warn = (message: string): void => emit({ kind: 'notice', level: 'warn', message })
  const path = socketPath(settings)
  if (!isTooLong(path) && (await isAlive(path))) {
    warn(
      `another reconfd already listens at ${path}, and "reconfd status" reports its status. Stop that reconfd, or set another -state-dir for this one`,
    )
    return nothing
  }
  const previous = await readStatus(statusPath(settings)).catch(() => undefined)
  if (previous !== undefined) controls.restore(previous)
  const file = statusFile(settings, controls, warn)
  file.changed()
  const socket = new KeptSocket(path, controls, warn, async () => {
    await folder.rebuild()
    file.changed()
  })
  await socket.open()
  return {
    changed: () => file.changed(),
    async close() {
      await socket.close()
      await file.close()
    },
  }
}
