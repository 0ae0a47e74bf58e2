// The cache of compiled modules: only in a folder that is ours alone, since what lies in it is run as code.
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { cacheCompiled } from '../../src/system/compile-cache.ts'
import { tempDir } from '../support/servers.ts'

/** The folder that the runtime is told to cache in; undefined: none. */
function cachesIn(stateDir: string): string | undefined {
  let told: string | undefined
  cacheCompiled(stateDir, (folder) => (told = folder))
  return told
}

describe.skipIf('bun' in process.versions)('compiled modules are kept', () => {
  test('in the state directory, where nobody else may read', () => {
    const dir = tempDir('cache')
    expect(cachesIn(dir)).toBe(join(dir, 'compile-cache'))
    expect(statSync(join(dir, 'compile-cache')).mode & 0o777).toBe(0o700)
  })

  test('not where there is no state directory yet', () => {
    const dir = join(tempDir('cache'), 'missing')
    expect(cachesIn(dir)).toBeUndefined()
    expect(existsSync(dir)).toBe(false)
  })

  test('not in a state directory that others may write to, or a folder on the way to it', () => {
    const parent = tempDir('cache')
    const dir = join(parent, 'state')
    mkdirSync(dir)
    chmodSync(dir, 0o777)
    expect(cachesIn(dir)).toBeUndefined()
    chmodSync(dir, 0o755)
    chmodSync(parent, 0o777)
    expect(cachesIn(dir)).toBeUndefined()
  })

  test('not in a folder that somebody has laid there, or behind a link', () => {
    const dir = tempDir('cache')
    mkdirSync(join(dir, 'compile-cache'))
    chmodSync(join(dir, 'compile-cache'), 0o777)
    expect(cachesIn(dir)).toBeUndefined()
    const other = tempDir('cache')
    symlinkSync(join(dir, 'elsewhere'), join(other, 'compile-cache'))
    expect(cachesIn(other)).toBeUndefined()
  })
})
