// Listening on Unix sockets: which files of other processes are removed, and which stay.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listenAt } from '../../src/system/unix-socket.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Starts a process that listens at this path. Returns the process once it listens. */
async function listener(path: string) {
  const code = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

test('a temporary socket of a killed process is removed; one in use and other files stay', async () => {
  const dead = join(folder, 'c-0123abcd')
  const used = join(folder, 'c-4567abcd')
  const other = join(folder, 'c-89abcdef')
  const killed = await listener(dead)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  const alive = await listener(used)
  writeFileSync(other, 'a file')
  const server = createServer()
  const remove = await listenAt(server, join(folder, 'control'))
  try {
    expect([dead, used, other].map((path) => existsSync(path))).toEqual([false, true, true])
  } finally {
    await remove()
    server.close()
    alive.kill()
    await once(alive, 'exit')
  }
})
