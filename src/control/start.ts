// What a daemon does so that it can be asked: the control socket, and the status in its state directory.
import { ioFault } from '../core/errno.ts'
import type { Controls } from '../core/control.ts'
import type { Emit } from '../core/event.ts'
import type { Settings } from '../core/settings.ts'
import { isTooLong } from '../system/socket-path.ts'
import { isAlive } from '../system/unix-socket.ts'
import { socketPath, statusPath } from './paths.ts'
import { statusFile } from './keep.ts'
import { serveControl, type ControlServer } from './server.ts'
import { readStatus } from '../state/status-file.ts'

export interface Control {
  /** The status is another one. */
  changed(): void
  /** Answers nothing any more, and writes the last status. */
  close(): Promise<void>
}

const nothing: Control = { changed: () => undefined, close: async () => undefined }

/** Never rejects: a daemon that cannot be asked does its work all the same, and tells so. */
export async function startControl(
  settings: Settings,
  controls: Controls,
  emit: Emit,
): Promise<Control> {
  const warn = (message: string): void => emit({ kind: 'notice', level: 'warn', message })
  const path = socketPath(settings)
  if (!isTooLong(path) && (await isAlive(path))) {
    warn(
      `another reconfd answers at ${path} and goes on answering: is this one meant to run beside it?`,
    )
    return nothing
  }
  const former = await readStatus(statusPath(settings)).catch(() => undefined)
  if (former !== undefined) controls.restore(former)
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
  controls: Controls,
  warn: (message: string) => void,
): Promise<ControlServer | undefined> {
  if (isTooLong(path)) {
    warn(`no control socket: ${path} is too long for one; choose a shorter -state-dir`)
    return undefined
  }
  try {
    return await serveControl(path, controls)
  } catch (error) {
    warn(ioFault(`no control socket: cannot listen at ${path}`, error).message)
    return undefined
  }
}
