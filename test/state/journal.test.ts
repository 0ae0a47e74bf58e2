// The journal of owed reloads: what is acknowledged survives, whatever is cut, torn or shared.
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openOwed, owedPath, type OwedJournal, type OwedReload } from '../../src/state/journal.ts'

const CONFDIR = '/etc/confd'
let dir: string
let state: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reconfd-owed-'))
  state = join(dir, 'lib/reconfd')
  path = owedPath(state, CONFDIR)
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

const owed = (resource: string, attempts = 0): OwedReload => ({
  resource,
  since: 1_760_000_000_000,
  attempts,
  commands: [`systemctl reload ${resource}`],
})

async function open(confdir = CONFDIR): Promise<OwedJournal> {
  const opened = await openOwed(state, confdir)
  if (!opened.ok) throw new Error(opened.error.message)
  return opened.value
}

/** What a process that starts now would find. */
async function found(): Promise<Record<string, OwedReload>> {
  const journal = await open()
  return Object.fromEntries(journal.all())
}

it('writes nothing before the first reload is owed', async () => {
  const journal = await open()
  await journal.settle(['a.toml'])
  await journal.close()
  expect(existsSync(state)).toBe(false)
})

it('finds what was owed, in its newest form, and not what was settled', async () => {
  const journal = await open()
  expect(await journal.owe([owed('a.toml'), owed('b.toml'), owed('c.toml')])).toMatchObject({
    ok: true,
  })
  await journal.owe([owed('a.toml', 2)])
  await journal.settle(['b.toml', 'never-owed.toml'])
  const expected = { 'a.toml': owed('a.toml', 2), 'c.toml': owed('c.toml') }
  expect(Object.fromEntries(journal.all())).toEqual(expected)
  expect(await found()).toEqual(expected)
  await journal.settle(['a.toml', 'c.toml'])
  expect(await found()).toEqual({})
  await journal.close()
})

it('is for our eyes only', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  await journal.close()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(state).mode & 0o777).toBe(0o700)
})

it('survives a file cut anywhere: all batches that were whole are found', async () => {
  const journal = await open()
  const sizes: number[] = []
  for (const name of ['a.toml', 'bé.toml', 'c.toml']) {
    await journal.owe([owed(name)])
    sizes.push(statSync(path).size)
  }
  await journal.close()
  const whole = readFileSync(path)
  for (let cut = whole.length; cut >= 0; cut--) {
    truncateSync(path, cut)
    const reopened = await open()
    // The last byte of a batch is its line feed, which it can do without.
    const complete = sizes.filter((size) => size - 1 <= cut).length
    expect(reopened.all().size).toBe(complete)
    expect(reopened.notice).toBeUndefined()
  }
})

it('goes on behind a torn line', async () => {
  const first = await open()
  await first.owe([owed('a.toml')])
  await first.close()
  appendFileSync(path, '{"owe":{"id":"x-1","resou')
  const second = await open()
  await second.owe([owed('b.toml')])
  await second.close()
  const third = await open()
  expect([...third.all().keys()]).toEqual(['a.toml', 'b.toml'])
  expect(third.notice).toContain('1 unreadable line(s)')
})

it('passes over what it cannot read, and tells', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  await journal.close()
  const bad = [
    'nonsense',
    'null',
    '{"owe":{"id":1}}',
    '{"owe":null}',
    '[]',
    '{"settle":"a"}',
    '\0\0\0',
  ]
  writeFileSync(path, `${bad.join('\n')}\n${readFileSync(path, 'utf8')}`)
  const reopened = await open()
  expect([...reopened.all().keys()]).toEqual(['a.toml'])
  expect(reopened.notice).toContain(`${bad.length} unreadable line(s) in the state file ${path}`)
})

it('is one file for each confdir', async () => {
  const [one, other] = [await open('/etc/one'), await open('/etc/other')]
  await Promise.all([one.owe([owed('a.toml')]), other.owe([owed('b.toml')])])
  await Promise.all([one.close(), other.close()])
  expect([...(await open('/etc/one')).all().keys()]).toEqual(['a.toml'])
  expect([...(await open('/etc/other')).all().keys()]).toEqual(['b.toml'])
})

it('stays small, and keeps what is owed', async () => {
  const journal = await open()
  await journal.owe([owed('failing.toml', 5)])
  for (let n = 0; n < 1000; n++) {
    await journal.owe([owed('a.toml', n)])
    await journal.settle(['a.toml'])
  }
  await journal.close()
  expect(statSync(path).size).toBeLessThan(70_000)
  expect(readdirSync(state)).toHaveLength(1)
  expect(await found()).toEqual({ 'failing.toml': owed('failing.toml', 5) })
})

it('is written anew when somebody has removed it', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  unlinkSync(path)
  await journal.owe([owed('b.toml')])
  expect(Object.keys(await found()).sort()).toEqual(['a.toml', 'b.toml'])
  rmSync(state, { recursive: true })
  await journal.settle(['a.toml'])
  expect(Object.keys(await found())).toEqual(['b.toml'])
  await journal.close()
})

describe('shared by two processes', () => {
  it('one settles only what it knew of', async () => {
    const daemon = await open()
    const onetime = await open()
    await daemon.owe([owed('a.toml', 1)])
    await onetime.owe([owed('a.toml', 7), owed('b.toml')])
    await onetime.settle(['a.toml'])
    expect(await found()).toEqual({ 'a.toml': owed('a.toml', 1), 'b.toml': owed('b.toml') })
    await Promise.all([daemon.close(), onetime.close()])
  })

  it('what one has found owed, it can settle', async () => {
    const crashed = await open()
    await crashed.owe([owed('a.toml')])
    await crashed.close()
    const next = await open()
    await next.settle(['a.toml'])
    await next.close()
    expect(await found()).toEqual({})
  })

  it('none loses an entry while both write and compact', async () => {
    const journals = [await open(), await open(), await open()]
    await Promise.all(
      journals.map(async (journal, who) => {
        for (let n = 0; n < 400; n++) {
          await journal.owe([owed(`kept-${who}-${n % 10}`, n), owed(`gone-${who}`)])
          await journal.settle([`gone-${who}`])
        }
        await journal.close()
      }),
    )
    const entries = await found()
    for (const who of [0, 1, 2]) {
      for (let n = 390; n < 400; n++) {
        expect(entries[`kept-${who}-${n % 10}`]).toMatchObject({ attempts: n })
      }
    }
    expect(readdirSync(state)).toHaveLength(1)
  })
})

it('agrees with a plain map after any operations, reopened at any time', async () => {
  const names = fc.constantFrom('a', 'b', '__proto__', 'é\n"')
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('owe' as const), name: names, attempts: fc.nat(9) }),
    fc.record({ kind: fc.constant('settle' as const), name: names }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
      rmSync(state, { recursive: true, force: true })
      const model = new Map<string, OwedReload>()
      let journal = await open()
      for (const step of operations) {
        if (step.kind === 'owe') {
          model.set(step.name, owed(step.name, step.attempts))
          await journal.owe([owed(step.name, step.attempts)])
        } else if (step.kind === 'settle') {
          model.delete(step.name)
          await journal.settle([step.name])
        } else {
          await journal.close()
          journal = await open()
        }
        expect(journal.all()).toEqual(model)
      }
      await journal.close()
    }),
    { numRuns: 60 },
  )
})

describe('a state directory that cannot be used', () => {
  it('is told with its path and the option, when it is read', async () => {
    writeFileSync(join(dir, 'lib'), '')
    const opened = await openOwed(state, CONFDIR)
    expect(opened).toEqual({
      ok: false,
      error: {
        kind: 'io',
        message: `cannot read the state file ${path}: a part of the path is not a directory (ENOTDIR)`,
        hint: 'Choose a directory that reconfd can write to with -state-dir.',
      },
    })
  })

  it('and when it is written; nothing counts as owed then', async () => {
    const journal = await open()
    writeFileSync(join(dir, 'lib'), '')
    const written = await journal.owe([owed('a.toml')])
    expect(written).toMatchObject({
      ok: false,
      error: {
        message: expect.stringMatching(
          /^cannot write the state file .*: .* \(ENOTDIR\)$/,
        ) as string,
        hint: 'Choose a directory that reconfd can write to with -state-dir.',
      },
    })
    expect(journal.all().size).toBe(0)
    rmSync(join(dir, 'lib'))
    expect(await journal.owe([owed('a.toml')])).toMatchObject({ ok: true })
    await journal.close()
  })
})
