// The mode of files given on the command line, which may contain values.
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { writeOutput } from '../../src/system/output-file.ts'
import { isRoot } from '../apply/support.ts'

const NOBODY = 65534

test.runIf(isRoot).each([
  ['of root in /tmp', 0, 0o1777, '644'],
  ['of another user in /tmp', NOBODY, 0o1777, '600'],
  ['of another user in a folder that only root can change', NOBODY, 0o755, '644'],
])('the mode of an existing file %s (needs root)', async (_, owner, folderMode, mode) => {
  const folder = mkdtempSync(join(tmpdir(), 'reconfd-output-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'keys.json')
  writeFileSync(file, 'old', { mode: 0o644 })
  chownSync(file, owner, owner)
  chmodSync(folder, folderMode)
  await writeOutput(file, 'new')
  expect((statSync(file).mode & 0o777).toString(8)).toBe(mode)
})
