// Unix sockets that we listen at: only our own user connects (0600), and at no moment is one there for others.
import { randomBytes } from 'node:crypto'
import { chmod, lstat, rename, unlink } from 'node:fs/promises'
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
 * Listens at a path; a socket that a dead process has left there is replaced, anything else is not. The new
 * socket is bound under another name and moved, so that the path is never missing while it is replaced.
 * @returns removes the socket, unless somebody else has put his own there
 * @throws system errors
 */
export async function listenAt(server: Server, path: string): Promise<() => Promise<void>> {
  const former = await lstat(path).catch(() => undefined)
  if (former?.isSocket() === false) throw Object.assign(new Error(), { code: 'EEXIST' })
  const fresh = join(dirname(path), `c-${randomBytes(4).toString('hex')}`)
  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed)
      // It has to have its mode from the start: whoever owns the folder could put a link in its place
      // before a chmod. Node binds within this call.
      const umask = process.umask(0o177)
      server.listen(fresh, () => {
        server.off('error', failed)
        listening()
      })
      process.umask(umask)
    })
    // Other runtimes may bind later.
    if (((await lstat(fresh)).mode & 0o077) !== 0) await chmod(fresh, 0o600)
    await rename(fresh, path)
  } catch (error) {
    server.close()
    throw error
  }
  const { ino } = await lstat(path)
  return async () => {
    const found = await lstat(path).catch(() => undefined)
    if (found?.ino === ino) await unlink(path).catch(() => undefined)
  }
}
