// examples/haproxy/reload-haproxy with a real HAProxy: the script must succeed when a new worker uses the new file,
// and fail when HAProxy keeps running with the old file.
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freePorts, removeDir, ServerProcess, tempDir } from '../support/servers.ts'

const recipe = join(import.meta.dirname, '../../examples/haproxy/reload-haproxy')

const config = (port: number, more = ''): string =>
  `defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend f
  bind 127.0.0.1:${port}
  http-request return status 200 content-type text/plain string "port ${port}"
${more}`

async function served(port: number): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
    return await response.text()
  } catch {
    return ''
  }
}

// With HAProxy 2.6, the script must query the list of workers. From 2.7 on, the master reports the result of a reload.
test.each(['haproxy-2.6', 'haproxy-3.2'])(
  '%s: the recipe distinguishes a successful reload from a failed one',
  async (name) => {
    const folder = tempDir('haproxy')
    const [one = 0, two = 0, taken = 0] = await freePorts(3)
    const file = join(folder, 'haproxy.cfg')
    const socket = join(folder, 'master.sock')
    writeFileSync(file, config(one))
    const haproxy = new ServerProcess({
      name,
      args: ['-W', '-S', socket, '-f', file],
      ready: async () => existsSync(socket) && (await served(one)) !== '',
    })
    await haproxy.start()
    const other = createServer()
    try {
      const reload = () => {
        const done = spawnSync(recipe, [socket, '20'], {
          encoding: 'utf8',
        })
        return { status: done.status, said: done.stderr }
      }
      writeFileSync(file, config(two))
      expect(reload()).toEqual({ status: 0, said: '' })
      expect(await served(two)).toBe(`port ${two}`)

      await new Promise<void>((listening) => other.listen(taken, '127.0.0.1', listening))
      writeFileSync(file, config(taken))
      expect(reload()).toEqual({
        status: 1,
        said: expect.stringContaining('HAProxy rejects the new file') as string,
      })
      writeFileSync(file, config(one, 'nonsense\n'))
      expect(reload().status).toBe(1)
      expect(await served(two)).toBe(`port ${two}`)

      // A failed reload must not make the next reload fail.
      writeFileSync(file, config(one))
      expect(reload()).toEqual({ status: 0, said: '' })
      expect(await served(one)).toBe(`port ${one}`)
    } finally {
      other.close()
      await haproxy.stop()
      removeDir(folder)
    }
  },
)

test('without a master it fails, and explains how to start HAProxy', () => {
  const done = spawnSync(recipe, ['/nonexistent/master.sock'], {
    encoding: 'utf8',
  })
  expect([done.status, done.stderr]).toEqual([
    1,
    expect.stringContaining('start it with -W -S /nonexistent/master.sock'),
  ])
})
