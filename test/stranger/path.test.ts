// Runs path.sh, which does what a newcomer does. The script can also be run by hand.
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { cannotIsolate } from '../docs/sandbox.ts'
import { top } from '../docs/markdown.ts'

const isolated = cannotIsolate()

test.skipIf(isolated !== undefined)(
  'a stranger packs, installs, follows the page, breaks it, and reads useful messages',
  { timeout: 180_000 },
  async () => {
    const { exitCode, all } = await execa('bash', [join(top, 'test/stranger/path.sh')], {
      all: true,
      reject: false,
    })
    expect(exitCode, all).toBe(0)
  },
)
