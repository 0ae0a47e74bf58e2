// A trial runs the check on the file as it would be placed, with its mode, and leaves nothing behind.
import { chmodSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tryFiles } from '../../src/apply/trial.ts'
import type { Event } from '../../src/core/event.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { change, textOf, twoFiles } from './support.ts'

const TMPDIR = process.env.TMPDIR
let dir: string
let a: string
let tmp: string
beforeEach(() => {
  ;({ dir, a } = twoFiles())
  tmp = tempDir('trial')
  process.env.TMPDIR = tmp
})
afterEach(() => {
  if (TMPDIR === undefined) delete process.env.TMPDIR
  else process.env.TMPDIR = TMPDIR
  rmSync(dir, { recursive: true })
  removeDir(tmp)
})

const SCRIPT = '#!/bin/sh\necho good\n'

/** Returns the output of the check: the mode of the staged file, and what the file prints when it is run. */
async function tried(dest: string, more: { readonly mode?: number } = {}): Promise<string> {
  const { spec } = await change(dest, SCRIPT, more)
  const checkCmd = 'stat -c %a {{.src}}; {{.src}}'
  const events: Event[] = []
  const file = { resource: 'app.toml', spec: { ...spec, checkCmd }, bytes: Buffer.from(SCRIPT) }
  await tryFiles([file], (event) => events.push(event))
  const [event] = events
  return event?.kind === 'checked' ? event.result.output : ''
}

it('uses the mode of the resource, or else that of the existing file, in sync or not', async () => {
  expect(await tried(join(dir, 'new'), { mode: 0o750 })).toBe('750\ngood\n')
  chmodSync(a, 0o700)
  expect(await tried(a)).toBe('700\ngood\n')
  expect(await tried(a, { mode: 0o755 })).toBe('755\ngood\n')
  expect([textOf(a), statSync(a).mode & 0o777, readdirSync(tmp)]).toEqual(['old a', 0o700, []])
})

it('is refused if other users can change TMPDIR', async () => {
  chmodSync(tmp, 0o777)
  const { spec } = await change(a, SCRIPT, { checkCmd: 'true' })
  const file = { resource: 'app.toml', spec, bytes: Buffer.from(SCRIPT) }
  writeFileSync(join(tmp, 'of-another'), '')
  expect(await tryFiles([file], () => undefined)).toMatchObject({
    fault: {
      message: `files cannot be checked safely in ${tmp}: ${tmp} can be changed by other users (mode 777)`,
    },
  })
  expect(readdirSync(tmp)).toEqual(['of-another'])
})
