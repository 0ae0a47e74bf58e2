// Unix sockets that we listen at: only our own user connects (0600), and at no moment is one there for others.
import { chmod, mkdtemp, rename, rmdir, stat, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'

/** True when somebody listens at a socket. */
export async function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const answer = (alive: boolean) => (): void => {
      socket.destroy()
      resolve(alive)
    }
    socket.once('connect', answer(true)).once('error', answer(false))
  })
}

/**
 * Listens at a path; what a dead process has left there is replaced. Bound in a private folder and moved, so
 * that it is never there with another mode, nor missing while it is replaced.
 * @returns removes the socket, unless somebody else has put his own there
 * @throws system errors
 */
export async function listenAt(server: Server, path: string): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(dirname(path), 'c-'))
  try {
    const fresh = join(folder, 's')
    await new Promise<void>((listening, failed) => {
      server.once('error', failed).listen(fresh, () => {
        server.off('error', failed)
        listening()
      })
    })
    await chmod(fresh, 0o600)
    await rename(fresh, path)
  } catch (error) {
    server.close()
    throw error
  } finally {
    await rmdir(folder).catch(() => undefined)
  }
  const { ino } = await stat(path)
  return async () => {
    const found = await stat(path).catch(() => undefined)
    if (found?.ino === ino) await unlink(path).catch(() => undefined)
  }
}
