// The control socket is reopened after it has been removed, alone or with the state directory.
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { KeptSocket } from '../../src/control/kept-socket.ts'
import type { DaemonControls } from '../../src/core/control.ts'
import { isAlive } from '../../src/system/unix-socket.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { until } from '../support/until.ts'

// The tests send no requests, so this object can be empty.
const controls = {} as DaemonControls
let dir: string
let state: string
let path: string
let warnings: string[]
let reopened: number
let socket: KeptSocket
beforeEach(async () => {
  dir = tempDir('kept-socket')
  state = join(dir, 'state')
  path = join(state, 'control.sock')
  warnings = []
  reopened = 0
  const warn = (message: string): void => void warnings.push(message)
  socket = new KeptSocket(path, controls, warn, async () => void reopened++)
  await socket.open()
})
afterEach(async () => {
  await socket.close()
  removeDir(dir)
})

test('it is reopened each time it is removed, with its directory or alone', async () => {
  for (const [n, removed] of [state, path, state].entries()) {
    rmSync(removed, { recursive: true })
    expect(await isAlive(path)).toBe(false)
    await until('it is open again', () => reopened === n + 1)
    expect(await isAlive(path)).toBe(true)
  }
  expect(warnings).toEqual([])
})

test('it is not reopened after close()', async () => {
  rmSync(state, { recursive: true })
  await socket.close()
  expect([readdirSync(dir), reopened]).toEqual([[], 0])
})
