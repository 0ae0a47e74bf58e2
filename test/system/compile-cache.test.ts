// Compiled code may be kept only in a folder that nobody else can write to, because the code is executed later.
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { keepCompiled } from '../../src/system/compile-cache.ts'
import { KEEP } from '../../src/system/keep.ts'
import { tempDir } from '../support/servers.ts'

/** Returns the folder for compiled code, or undefined if no code is kept. */
function keptIn(stateDir: string): string | undefined {
  let told: string | undefined
  Object.defineProperty(globalThis, KEEP, {
    value: (folder: string) => (told = folder),
    configurable: true,
  })
  keepCompiled(stateDir)
  return told
}

describe('compiled code is kept', () => {
  test('in the state directory, where nobody else may read', () => {
    const dir = tempDir('cache')
    expect(keptIn(dir)).toBe(join(dir, 'compiled'))
    expect(statSync(join(dir, 'compiled')).mode & 0o777).toBe(0o700)
  })

  test('not where there is no state directory yet', () => {
    const dir = join(tempDir('cache'), 'missing')
    expect(keptIn(dir)).toBeUndefined()
    expect(existsSync(dir)).toBe(false)
  })

  test('not in a state directory that others may write to, or a folder on the way to it', () => {
    const parent = tempDir('cache')
    const dir = join(parent, 'state')
    mkdirSync(dir)
    chmodSync(dir, 0o777)
    expect(keptIn(dir)).toBeUndefined()
    expect(readdirSync(dir)).toEqual([])
    chmodSync(dir, 0o755)
    chmodSync(parent, 0o777)
    expect(keptIn(dir)).toBeUndefined()
  })

  test('not in a folder that somebody else has created there, or behind a link', () => {
    const dir = tempDir('cache')
    mkdirSync(join(dir, 'compiled'))
    chmodSync(join(dir, 'compiled'), 0o777)
    expect(keptIn(dir)).toBeUndefined()
    const other = tempDir('cache')
    symlinkSync(join(dir, 'elsewhere'), join(other, 'compiled'))
    expect(keptIn(other)).toBeUndefined()
  })
})
