// The status in the state directory: what a daemon writes while it runs, and a onetime run at its end. Apart
// from the socket, since a onetime run that finds none has no need of Node's net.
import { existsSync } from 'node:fs'
import type { Controls } from '../core/control.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Settings } from '../core/settings.ts'
import { isTooLong } from '../system/socket-path.ts'
import { socketPath, statusPath } from './paths.ts'
import { readStatus, StatusFile } from '../state/status-file.ts'

/** For a onetime run: what it came to, unless a daemon beside it knows better. */
export async function keepStatus(
  settings: Settings,
  controls: Pick<Controls, 'status' | 'restore'>,
  emit: Emit,
): Promise<void> {
  const path = socketPath(settings)
  if (!isTooLong(path) && existsSync(path)) {
    const { isAlive } = await import('../system/unix-socket.ts')
    if (await isAlive(path)) return
  }
  const former = await readStatus(statusPath(settings)).catch(() => undefined)
  if (former !== undefined) controls.restore(former)
  // Nobody may ever ask: no warning.
  const tell = (message: string): void => emit({ kind: 'notice', level: 'debug', message })
  await statusFile(settings, controls, tell).close()
}

export function statusFile(
  settings: Settings,
  controls: Pick<Controls, 'status'>,
  tell: (message: string) => void,
): StatusFile {
  let told = false
  const failed = ({ message, hint }: Fault): void => {
    if (!told) tell(`${message}. ${hint}`)
    told = true
  }
  return new StatusFile(statusPath(settings), () => controls.status(), failed)
}
