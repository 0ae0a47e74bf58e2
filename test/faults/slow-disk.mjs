// Simulates a slow disk: delays each fsync and fdatasync by up to RECONFD_SLOW_DISK milliseconds. Tests load this file
// with `node --import`.
import fs from 'node:fs'
import { open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { setTimeout as pass } from 'node:timers/promises'

// These are copies of the original functions. Imported names would refer to the replacements below.
const { fsync, fsyncSync } = fs
const most = Number(process.env['RECONFD_SLOW_DISK'])
const wait = () => Math.random() * most

const handle = await open('/dev/null')
const prototype = Object.getPrototypeOf(handle)
await handle.close()
for (const name of ['sync', 'datasync']) {
  const real = prototype[name]
  prototype[name] = async function () {
    await pass(wait())
    return real.call(this)
  }
}
fs.fsync = (fd, done) => void setTimeout(() => fsync(fd, done), wait())
fs.fdatasync = fs.fsync
fs.fsyncSync = (fd) => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, wait())
  fsyncSync(fd)
}
fs.fdatasyncSync = fs.fsyncSync
syncBuiltinESMExports()
