// The search for leftovers of a crashed run must read each folder only once.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sweepStaged } from '../../src/apply/sweep.ts'
import { sweepFolder } from '../../src/system/temporary.ts'

vi.mock('../../src/system/temporary.ts', { spy: true })

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'sweep-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

test('each folder is read once, however many destinations and backups are in it', () => {
  const specs = ['a', 'b'].flatMap((name) => {
    const folder = join(dir, name)
    mkdirSync(folder)
    return Array.from({ length: 300 }, (_, n) => ({
      dest: join(folder, `${n}`),
      backup: n % 2 === 0,
    }))
  })
  expect(sweepStaged(specs, [])).toEqual([])
  expect(vi.mocked(sweepFolder)).toHaveBeenCalledTimes(2)
})
