// Makes a daemon observable: starts its control socket and keeps its status file.
import { ioFault } from '../core/errno.ts'
import type { DaemonControls } from '../core/control.ts'
import type { Emit } from '../core/event.ts'
import type { Settings } from '../core/settings.ts'
import { isTooLong } from '../system/socket-path.ts'
import { isAlive } from '../system/unix-socket.ts'
import { socketPath, statusPath } from './paths.ts'
import { statusFile } from './keep.ts'
import { serveControl, type ControlServer } from './server.ts'
import { readStatus } from '../state/status-file.ts'

export interface Control {
  /** Call when the status has changed. */
  changed(): void
  /** Closes the socket and writes the final status. */
  close(): Promise<void>
}

const nothing: Control = { changed: () => undefined, close: async () => undefined }

/** Never rejects: without its socket or status file, the daemon works on and logs a warning. */
export async function startControl(
  settings: Settings,
  controls: DaemonControls,
  emit: Emit,
): Promise<Control> {
  const warn = (message: string): void => emit({ kind: 'notice', level: 'warn', message })
  const path = socketPath(settings)
  if (!isTooLong(path) && (await isAlive(path))) {
    warn(
      `another reconfd already listens at ${path}; "reconfd status" shows that one. Stop it, or set another -state-dir here`,
    )
    return nothing
  }
  const previous = await readStatus(statusPath(settings)).catch(() => undefined)
  if (previous !== undefined) controls.restore(previous)
  const file = statusFile(settings, controls, warn)
  file.changed()
  const server = await serve(path, controls, warn)
  return {
    changed: () => file.changed(),
    async close() {
      await server?.close()
      await file.close()
    },
  }
}

async function serve(
  path: string,
  controls: DaemonControls,
  warn: (message: string) => void,
): Promise<ControlServer | undefined> {
  if (isTooLong(path)) {
    warn(`no control socket: the path ${path} is too long; set a shorter -state-dir`)
    return undefined
  }
  try {
    return await serveControl(path, controls)
  } catch (error) {
    warn(ioFault(`no control socket: cannot listen at ${path}`, error).message)
    return undefined
  }
}
