// The journal of owed reloads: acknowledged debts must survive truncation, torn writes and other processes.
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
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
import {
  journalPath,
  openJournal,
  type Journal,
  type OpenedJournal,
  type Owed,
} from '../../src/state/journal.ts'

const CONFDIR = '/etc/confd'
let dir: string
let state: string
let path: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reconfd-owed-'))
  state = join(dir, 'lib/reconfd')
  path = journalPath(state, CONFDIR)
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

/** @param take distinguishes several debts of one resource */
const owed = (resource: string, take = 0): Owed => ({
  resource,
  since: 1_760_000_000_000 + take,
  commands: [`systemctl reload ${resource}`],
})

async function opened(confdir = CONFDIR): Promise<OpenedJournal> {
  const found = await openJournal(state, confdir)
  if (!found.ok) throw new Error(found.error.message)
  return found.value
}

const open = async (confdir = CONFDIR): Promise<Journal> => (await opened(confdir)).journal

/** Returns the debts, without their ids in the file. */
const owedBy = ({ owed }: Journal): Record<string, Owed> =>
  Object.fromEntries(
    [...owed].map(([name, { resource, since, commands }]) => [name, { resource, since, commands }]),
  )

/** Returns the debts that a process starting now would find. */
const found = async (): Promise<Record<string, Owed>> => owedBy(await open())

/** Returns the damage that a process starting now would report. */
async function damage(): Promise<string | undefined> {
  const { damage: wrong } = await opened()
  return typeof wrong === 'string' ? wrong : wrong?.message
}

it('writes nothing before the first reload is owed', async () => {
  const { journal, damage } = await opened()
  await journal.settle(['a.toml'])
  await journal.verify()
  await journal.close()
  expect([damage, existsSync(state)]).toEqual(['missing', false])
})

it('finds owed debts in their newest form, and no settled ones', async () => {
  const journal = await open()
  expect(await journal.owe([owed('a.toml'), owed('b.toml'), owed('c.toml')])).toMatchObject({
    ok: true,
  })
  await journal.owe([owed('a.toml', 2)])
  await journal.settle(['b.toml', 'never-owed.toml'])
  const expected = { 'a.toml': owed('a.toml', 2), 'c.toml': owed('c.toml') }
  expect(owedBy(journal)).toEqual(expected)
  expect(await found()).toEqual(expected)
  await journal.settle(['a.toml', 'c.toml'])
  expect(await found()).toEqual({})
  await journal.close()
})

it('writes and syncs concurrent debts once', async () => {
  const journal = await open()
  const names = Array.from({ length: 50 }, (_, n) => `${n}.toml`)
  const written = await Promise.all(names.map((name) => journal.owe([owed(name)])))
  expect(written.every(({ ok }) => ok)).toBe(true)
  // Each write begins and ends with a line feed, so two writes would leave an empty line.
  expect(readFileSync(path, 'utf8').split('\n\n').length).toBe(1)
  expect(Object.keys(await found())).toEqual(names)
  await journal.close()
})

it('does not settle a debt recorded after it', async () => {
  const journal = await open()
  const work = [journal.owe([owed('a.toml')]), journal.owe([owed('b.toml')])]
  work.push(journal.settle(['a.toml', 'b.toml']), journal.owe([owed('b.toml', 1)]))
  await Promise.all(work)
  expect(owedBy(journal)).toEqual({ 'b.toml': owed('b.toml', 1) })
  expect(await found()).toEqual({ 'b.toml': owed('b.toml', 1) })
  await journal.close()
})

it('is readable by nobody else', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  await journal.close()
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(statSync(state).mode & 0o777).toBe(0o700)
})

it('survives a file cut anywhere: whole batches are found, and a cut line or an empty file is damage', async () => {
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
    const { journal, damage } = await opened()
    // A batch is complete even without its last byte, the line feed.
    const complete = sizes.filter((size) => size - 1 <= cut).length
    expect(journal.owed.size).toBe(complete)
    const rest = whole.subarray(0, cut).toString('latin1')
    const isEmpty = rest.trim() === ''
    const isCut = !rest.endsWith('}') && !rest.endsWith('\n')
    if (isEmpty)
      expect(damage).toMatchObject({ message: expect.stringMatching(/ is empty$/) as string })
    else if (isCut) {
      expect(damage).toMatchObject({ message: expect.stringContaining(': 1 of ') as string })
    }
  }
})

it('reports that it was emptied or removed; later debts are found without damage', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  await journal.close()
  expect(await damage()).toBeUndefined()
  truncateSync(path, 0)
  expect(await damage()).toBe(`the journal of owed reloads ${path} is damaged: it is empty`)
  unlinkSync(path)
  expect(await damage()).toBe('missing')
  const next = await open()
  await next.owe([owed('b.toml')])
  await next.close()
  expect([await damage(), Object.keys(await found())]).toEqual([undefined, ['b.toml']])
})

it('is no damage when everything was settled', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  await journal.settle(['a.toml'])
  await journal.close()
  expect([await damage(), await found()]).toEqual([undefined, {}])
})

it('continues after a torn line, which the next write drops', async () => {
  const first = await open()
  await first.owe([owed('a.toml')])
  await first.close()
  appendFileSync(path, '{"owe":{"id":"x-1","resou')
  expect(await damage()).toMatch(/: 1 of 3 lines cannot be read$/)
  const second = await open()
  await second.owe([owed('b.toml')])
  await second.close()
  expect([await damage(), Object.keys(await found())]).toEqual([undefined, ['a.toml', 'b.toml']])
})

it('skips unreadable lines, and reports them', async () => {
  const journal = await open()
  await journal.owe([owed('a.toml')])
  await journal.close()
  const bad = [
    'nonsense',
    'null',
    '7',
    '"text"',
    '{}',
    '{"journal":2}',
    '{"owe":{"id":1}}',
    '{"owe":null}',
    '{"owe":{"id":"1","resource":"x","since":"today","commands":[]}}',
    '{"owe":{"id":"1","resource":"x","since":1,"commands":[null]}}',
    '[]',
    '{"settle":"a"}',
    '{"settle":[1]}',
    '\0\0\0',
  ]
  writeFileSync(path, `${bad.join('\n')}\n${readFileSync(path, 'utf8')}`)
  const { journal: reopened, damage } = await opened()
  expect([...reopened.owed.keys()]).toEqual(['a.toml'])
  const message = `the journal of owed reloads ${path} is damaged: ${bad.length} of ${bad.length + 2} lines cannot be read`
  expect(damage).toEqual({ message })
})

it('reads the journal of version 0.1 without damage', async () => {
  mkdirSync(state, { recursive: true })
  const lines = [
    '{"owe":{"id":"9f-1","resource":"a.toml","since":1760000000000,"attempts":3,"commands":["systemctl reload a.toml"]}}',
    '{"owe":{"id":"9f-2","resource":"b.toml","since":1760000000000,"attempts":0,"commands":[]}}',
    '{"settle":["9f-2"]}',
  ]
  writeFileSync(path, `\n${lines.join('\n')}\n`)
  expect([await damage(), await found()]).toEqual([undefined, { 'a.toml': owed('a.toml') }])
})

it.each(['verify', 'owe', 'settle'] as const)(
  'strikes out at the next %s what could not be struck out when the reload succeeded',
  async (next) => {
    const first = await open()
    await first.owe([owed('a'), owed('b')])
    await first.close()
    const journal = await open()
    renameSync(path, `${path}.away`)
    mkdirSync(path)
    expect((await journal.settle(['a'])).ok).toBe(false)
    rmSync(path, { recursive: true })
    renameSync(`${path}.away`, path)
    if (next === 'owe') await journal.owe([owed('c')])
    else if (next === 'settle') await journal.settle(['b'])
    else await journal.verify()
    const left = { owe: ['b', 'c'], settle: [], verify: ['b'] }
    expect(Object.keys(owedBy(await open()))).toEqual(left[next])
  },
)

it('is one file for each confdir', async () => {
  const [one, other] = [await open('/etc/one'), await open('/etc/other')]
  await Promise.all([one.owe([owed('a.toml')]), other.owe([owed('b.toml')])])
  await Promise.all([one.close(), other.close()])
  expect([...(await open('/etc/one')).owed.keys()]).toEqual(['a.toml'])
  expect([...(await open('/etc/other')).owed.keys()]).toEqual(['b.toml'])
})

it('stays small, and keeps debts', async () => {
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

describe('removed while it is open', () => {
  const writes: [string, (journal: Journal) => Promise<unknown>, string[]][] = [
    ['owe', (journal) => journal.owe([owed('c.toml')]), ['a.toml', 'b.toml', 'c.toml']],
    ['settle', (journal) => journal.settle(['a.toml']), ['b.toml']],
    ['verify', (journal) => journal.verify(), ['a.toml', 'b.toml']],
  ]

  describe.each(writes)('%s writes all that is owed again', (_, write, expected) => {
    it.each<[string, () => void]>([
      ['the file', () => unlinkSync(path)],
      ['the file, emptied first', () => (truncateSync(path, 0), unlinkSync(path))],
      ['the folder', () => rmSync(state, { recursive: true })],
      [
        'the folder, and another one is there',
        () => (rmSync(state, { recursive: true }), mkdirSync(state)),
      ],
    ])('%s', async (_, removed) => {
      const journal = await open()
      await journal.owe([owed('a.toml'), owed('b.toml')])
      removed()
      expect(await write(journal)).toMatchObject({ ok: true })
      expect([Object.keys(await found()).sort(), await damage()]).toEqual([expected, undefined])
      await journal.close()
    })
  })

  it('and once more, and by a journal that has only read so far', async () => {
    const first = await open()
    await first.owe([owed('a.toml')])
    await first.close()
    const journal = await open()
    for (let n = 0; n < 3; n++) {
      rmSync(state, { recursive: true })
      await journal.verify()
      expect(Object.keys(await found())).toEqual(['a.toml'])
    }
    await journal.close()
  })

  it('nothing is written where nothing is owed', async () => {
    const journal = await open()
    await journal.owe([owed('a.toml')])
    await journal.settle(['a.toml'])
    rmSync(state, { recursive: true })
    await journal.verify()
    expect(existsSync(state)).toBe(false)
    await journal.close()
  })

  it('emptied, it has all that is owed again after the next write', async () => {
    const journal = await open()
    await journal.owe([owed('a.toml')])
    truncateSync(path, 0)
    await journal.owe([owed('b.toml')])
    expect([Object.keys(await found()), await damage()]).toEqual([['a.toml', 'b.toml'], undefined])
    truncateSync(path, 0)
    await journal.settle(['a.toml'])
    expect(Object.keys(await found())).toEqual(['b.toml'])
    await journal.close()
  })
})

describe('shared by two processes', () => {
  it('one settles only debts that it knows', async () => {
    const daemon = await open()
    const onetime = await open()
    await daemon.owe([owed('a.toml', 1)])
    await onetime.owe([owed('a.toml', 7), owed('b.toml')])
    await onetime.settle(['a.toml'])
    expect(await found()).toEqual({ 'a.toml': owed('a.toml', 1), 'b.toml': owed('b.toml') })
    await Promise.all([daemon.close(), onetime.close()])
  })

  it('one can settle the debts that it has found', async () => {
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
        expect(entries[`kept-${who}-${n % 10}`]).toEqual(owed(`kept-${who}-${n % 10}`, n))
      }
    }
    expect(readdirSync(state)).toHaveLength(1)
  })
})

it('agrees with a plain map after any operations, reopened at any time', async () => {
  const names = fc.constantFrom('a', 'b', '__proto__', 'é\n"')
  const operation = fc.oneof(
    fc.record({ kind: fc.constant('owe' as const), name: names, take: fc.nat(9) }),
    fc.record({ kind: fc.constant('settle' as const), name: names }),
    fc.record({ kind: fc.constant('reopen' as const) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
      rmSync(state, { recursive: true, force: true })
      const model = new Map<string, Owed>()
      let journal = await open()
      for (const step of operations) {
        if (step.kind === 'owe') {
          model.set(step.name, owed(step.name, step.take))
          await journal.owe([owed(step.name, step.take)])
        } else if (step.kind === 'settle') {
          model.delete(step.name)
          await journal.settle([step.name])
        } else {
          await journal.close()
          journal = await open()
        }
        expect(new Map(Object.entries(owedBy(journal)))).toEqual(model)
      }
      await journal.close()
    }),
    { numRuns: 60 },
  )
})

describe('a state directory that cannot be used', () => {
  it('is reported with its path and the option, when it is read', async () => {
    writeFileSync(join(dir, 'lib'), '')
    expect(await openJournal(state, CONFDIR)).toEqual({
      ok: false,
      error: {
        kind: 'io',
        message: `cannot read the state file ${path}: a part of the path is not a folder (ENOTDIR)`,
        hint: 'set -state-dir to a directory that reconfd can write to',
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
        hint: 'set -state-dir to a directory that reconfd can write to',
      },
    })
    expect(journal.owed.size).toBe(0)
    rmSync(join(dir, 'lib'))
    expect(await journal.owe([owed('a.toml')])).toMatchObject({ ok: true })
    await journal.close()
  })
})
