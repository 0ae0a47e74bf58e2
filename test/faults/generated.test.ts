// Generated inputs: 300 of each kind, or 10,000 with RECONFD_LONG=1. Each input must lead to a fault or a result,
// never to an exception, and nothing except the destination may be written.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { optionNames, tomlNames } from '../../src/config/options.ts'
import { loadResources } from '../../src/config/resources.ts'
import { guardKeys, resourceFileKeys, templateTableKeys } from '../../src/config/schema.ts'
import { loadSettings } from '../../src/config/settings.ts'
import { FaultError, formatFault, type Fault } from '../../src/core/fault.ts'
import type { Settings } from '../../src/core/settings.ts'
import { run } from '../../src/engine/run.ts'
import { open } from '../../src/stores/file.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { keysFiles, keysText, perhapsDamaged, text, tomlText, tree } from './generators.ts'
import { isOurs, Program } from './program.ts'
import { isLong, printSeed, seed } from './random.ts'

const RUNS = { numRuns: isLong ? 10_000 : 300, seed }
/** The number of inputs of each kind that the built program gets. */
const SAMPLE = isLong ? 100 : 6
const LIMIT = isLong ? 1_800_000 : 300_000

let folder: string
beforeAll(() => {
  printSeed('generated')
  folder = tempDir('generated')
})
afterAll(() => removeDir(folder))

const resourceText = tomlText(
  ['', '[template]', '[[template]]', '[template.guard]'],
  [
    'src = "a.njk"\ndest',
    ...Object.keys({ ...resourceFileKeys, ...templateTableKeys, ...guardKeys }),
  ],
)
const settingsText = tomlText([''], optionNames.flatMap(tomlNames))

/** Creates a confdir with one template. Returns the path of the confdir. */
function confdir(name: string): string {
  const root = join(folder, name)
  for (const dir of ['conf.d', 'templates', 'out']) mkdirSync(join(root, dir), { recursive: true })
  writeFileSync(join(root, 'templates', 'a.njk'), 'a')
  return root
}

async function settingsFrom(argv: readonly string[]): Promise<Settings> {
  const loaded = await loadSettings(argv, {})
  if (loaded.ok && loaded.value.kind === 'run') return loaded.value.settings
  throw new Error('bad settings')
}

/** Expects at least one fault, each with a message. */
function expectFaults(faults: readonly Fault[]): void {
  expect(faults.length).toBeGreaterThan(0)
  for (const fault of faults) expect(formatFault(fault)).not.toBe('')
}

const untouched = Object.getOwnPropertyNames(Object.prototype).length
const expectUnpolluted = (): void =>
  expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(untouched)

describe('read', { timeout: LIMIT }, () => {
  test('a file of conf.d', async () => {
    const root = confdir('resources')
    const settings = await settingsFrom(['-confdir', root])
    await fc.assert(
      fc.asyncProperty(perhapsDamaged(resourceText), async (toml) => {
        writeFileSync(join(root, 'conf.d', 'a.toml'), toml)
        const loaded = await loadResources(settings)
        if (!loaded.ok) expectFaults(loaded.error)
        expectUnpolluted()
      }),
      RUNS,
    )
  })

  test('confd.toml', async () => {
    const file = join(folder, 'confd.toml')
    await fc.assert(
      fc.asyncProperty(perhapsDamaged(settingsText), async (toml) => {
        writeFileSync(file, toml)
        const loaded = await loadSettings(['-conf-file', file], {})
        if (!loaded.ok) expectFaults(loaded.error.faults)
        expectUnpolluted()
      }),
      RUNS,
    )
  })

  test.each(keysFiles)('%s', async (name) => {
    const file = join(folder, name)
    const opened = open(await settingsFrom(['-backend', 'file', '-file', file]))
    if (!opened.ok) throw new FaultError(opened.error)
    await fc.assert(
      fc.asyncProperty(perhapsDamaged(keysText(name)), async (bytes) => {
        writeFileSync(file, bytes)
        try {
          const { signal } = new AbortController()
          for await (const event of opened.value.watch(file, ['/'], signal)) {
            if (event.kind !== 'snapshot') throw new Error(`a ${event.kind} came first`)
            for (const key of event.entries.keys()) expect(key).toMatch(/^\//)
            break
          }
        } catch (error) {
          if (!(error instanceof FaultError)) throw error
          expectFaults([error.fault])
        }
        expectUnpolluted()
      }),
      RUNS,
    )
  })
})

/** Returns all paths below a folder, sorted. */
const listing = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort()

describe.each(['nunjucks', 'go'] as const)('rendered by %s', { timeout: LIMIT }, (engine) => {
  const everything = {
    nunjucks:
      '{% for p in gets("/*") %}{{ p.key }}={{ p.value }}\n{% endfor %}{{ ls("/") | join(",") }}',
    go: '{{range gets "/*"}}{{.Key}}={{.Value}}\n{{end}}{{join (ls "/") ","}}{{range lsdir "/"}}{{.}}{{end}}',
  }[engine]

  test('any keys and values, and any name of a destination', async () => {
    const root = confdir(`work-${engine}`)
    writeFileSync(join(root, 'templates', 'all'), everything)
    const keys = join(root, 'keys.json')
    writeFileSync(keys, '{}')
    const settings = await settingsFrom([
      ...['-onetime', '-backend', 'file', '-file', keys],
      ...['-confdir', root, '-state-dir', join(root, 'state')],
    ])
    const once = async (): Promise<void> => {
      const ended = await run(settings, {
        emit: () => undefined,
        stop: new AbortController().signal,
        onReload: () => undefined,
        settingsNow: async () => ({ ok: true, value: settings }),
        showPlan: () => undefined,
      })
      expect(['done', 'configuration', 'unreachable']).toContain(ended.kind)
    }
    const name = text.filter((text) => !/[/\0]/.test(text) && !['', '.', '..'].includes(text))
    let written = 0
    await fc.assert(
      fc.asyncProperty(tree, name, async (keysNow, dest) => {
        writeFileSync(keys, JSON.stringify(keysNow))
        const fields = { src: 'all', dest: join(root, 'out', dest), engine, keys: ['/'] }
        const lines = Object.entries(fields).map(([key, to]) => `${key} = ${JSON.stringify(to)}`)
        const toml = `allow_empty = true\n[template]\n${lines.join('\n')}\n`
        writeFileSync(join(root, 'conf.d', 'a.toml'), toml)
        removeDir(join(root, 'out'))
        mkdirSync(join(root, 'out'))
        const before = listing(folder)
        await once()
        const added = listing(folder).filter((path) => !before.includes(path))
        const expected = relative(folder, join(root, 'out', Buffer.from(dest).toString()))
        expect(added.filter((path) => path !== expected && !path.includes('/state'))).toEqual([])
        written += added.length
        expectUnpolluted()
      }),
      RUNS,
    )
    // Without enough successful writes, the test would prove nothing.
    expect(written).toBeGreaterThan(RUNS.numRuns / 10)
  })
})

/** The exit codes of docs/configuration.md, except the one for a bug. */
const EXIT_CODES = [0, 1, 64, 69, 78]

test.runIf(isOurs)('a sample, through the built program', { timeout: LIMIT }, async () => {
  const root = confdir('program')
  const good = `[template]\nsrc = "a.njk"\ndest = ${JSON.stringify(join(root, 'out', 'a'))}\n`
  const files = [
    ['conf.d/a.toml', perhapsDamaged(resourceText), good],
    ['confd.toml', perhapsDamaged(settingsText), ''],
    ...keysFiles.map((name) => [name, perhapsDamaged(keysText(name)), '{}'] as const),
  ] as const
  for (const [name, , innocent] of files) writeFileSync(join(root, name), innocent)
  for (const [name, bytes, innocent] of files) {
    const file = name.startsWith('keys') ? name : 'keys.json'
    for (const sample of fc.sample(bytes, { numRuns: SAMPLE, seed })) {
      writeFileSync(join(root, name), sample)
      // With -noop, no generated command runs. With a file store, the program contacts no generated address.
      const program = new Program({
        mode: '-onetime',
        store: ['-backend', 'file', '-file', join(root, file)],
        confdir: root,
        state: join(root, 'state'),
        extra: ['-noop', '-sync-only', '-conf-file', join(root, 'confd.toml')],
      })
      const { code, signal } = await program.ended
      const shown = `${name}: ${sample.toString('latin1').slice(0, 2000)}\n${program.output}`
      expect(signal, shown).toBeNull()
      expect(EXIT_CODES, shown).toContain(code)
      expect(program.output, shown).not.toContain('this is a bug')
    }
    writeFileSync(join(root, name), innocent)
  }
})
