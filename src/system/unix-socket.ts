// Unix sockets that reconfd listens on. From the moment a socket exists, only reconfd's own user can connect to it
// (mode 0600).
import { randomBytes } from 'node:crypto'
import { chmod, lstat, readdir, rename, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname, join } from 'node:path'

/** Whether a process is listening on a socket. */
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

/** Matches the temporary names of sockets. They are short, because the length of a socket's path is limited. */
const FRESH = /^c-[0-9a-f]{8}$/

/** Removes from a folder the sockets left by processes that were killed between bind and rename. Never rejects. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!FRESH.test(name)) continue
    const path = join(folder, name)
    const stats = await lstat(path).catch(() => undefined)
    const isOurs = stats?.isSocket() === true && stats.uid === process.getuid?.()
    if (isOurs && !(await isAlive(path))) await unlink(path).catch(() => undefined)
  }
}

/**
 * Listens on a path. Replaces an existing socket, but no other file. The new socket is bound under a temporary name and
 * renamed, so that the path always exists.
 * @returns a function that removes the socket, unless another process has replaced it
 * @throws system errors
 */
export async function listenAt(server: Server, path: string): Promise<() => Promise<void>> {
  const former = await lstat(path).catch(() => undefined)
  if (former?.isSocket() === false) throw Object.assign(new Error(), { code: 'EEXIST' })
  const folder = dirname(path)
  await sweep(folder)
  const fresh = join(folder, `c-${randomBytes(4).toString('hex')}`)
  try {
    await new Promise<void>((listening, failed) => {
      server.once('error', failed)
      // The socket needs its mode from the start: before a chmod, the owner of the folder could replace it with a link.
      // Node binds within this call.
      const umask = process.umask(0o177)
      server.listen(fresh, () => {
        server.off('error', failed)
        listening()
      })
      process.umask(umask)
    })
    // Other runtimes may bind after the umask is restored.
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
