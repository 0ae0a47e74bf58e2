// The supply chain. Two clones in different folders, with different umasks, time zones and languages, build the same
// npm package, Debian package and executable. The licences and the bill of materials name the bundled packages. The
// test finds these packages in the bundler's source maps; the scripts find them in the bundler's list of modules.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { leftovers } from '../support/leftovers.ts'
import { removeDir } from '../support/process.ts'

interface Component {
  readonly 'bom-ref': string
  readonly group?: string
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly licenses: readonly { readonly license: { readonly id: string } }[]
  readonly hashes: readonly { readonly alg: string; readonly content: string }[]
  readonly properties: readonly { readonly name: string; readonly value: string }[]
}
interface Sbom {
  readonly bomFormat: string
  readonly metadata: { readonly component: Omit<Component, 'hashes' | 'properties'> }
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

const top = fileURLToPath(new URL('../../', import.meta.url))
mkdirSync(join(top, '.cache'), { recursive: true })
// The clones are next to node_modules, so that its files can be linked instead of copied.
const work = mkdtempSync(join(top, '.cache/test-clones-'))
leftovers.folders.add(work)
// Removes the 20,000 files here, because at process exit Vitest may kill the worker before they are removed.
afterAll(() => removeDir(work), 120_000)
const json = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T

const parts = [
  ...['src', 'scripts', 'packaging', 'docs', 'examples'],
  ...['README.md', 'LICENSE', 'CHANGELOG.md', 'package.json', 'package-lock.json'],
]

class Clone {
  readonly folder: string
  readonly out: string

  constructor(
    path: string,
    private readonly umask: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {
    this.folder = join(work, path)
    this.out = join(this.folder, 'out')
  }

  async run(...command: readonly string[]): Promise<void> {
    const script = `umask ${this.umask} && exec "$@"`
    await execa('sh', ['-c', script, 'sh', ...command], { cwd: this.folder, env: this.env })
  }

  async make(): Promise<void> {
    mkdirSync(this.out, { recursive: true })
    await this.run('cp', '-r', ...parts.map((part) => join(top, part)), '.')
    await this.run('cp', '-al', join(top, 'node_modules'), '.')
    // Links Bun if an earlier build has fetched it.
    mkdirSync(join(this.folder, '.cache'))
    if (existsSync(join(top, '.cache/bun')))
      symlinkSync(join(top, '.cache/bun'), join(this.folder, '.cache/bun'))
  }

  build(...args: readonly string[]): Promise<void> {
    return this.run(process.execPath, 'scripts/build.mjs', ...args)
  }

  async pack(): Promise<void> {
    await this.run('npm', 'pack', '--pack-destination', this.out)
    await this.run(process.execPath, 'scripts/deb.mjs', '-built', this.out)
  }

  /** Builds the executable from dist/. Needs Bun. */
  compile(): Promise<void> {
    const script = `import { compile } from './scripts/executable.mjs'; compile('out/reconfd')`
    return this.run(process.execPath, '--input-type=module', '-e', script)
  }
}

const clones = [
  new Clone('a', '022', { TZ: 'UTC', LC_ALL: 'C' }),
  new Clone('another/place', '077', { TZ: 'Asia/Tokyo', LC_ALL: 'de_DE.UTF-8' }),
] as const
const [first, second] = clones
const dist = join(first.folder, 'dist')

/** The paths of the bundled packages, sorted. */
let bundled: string[] = []

beforeAll(async () => {
  for (const clone of clones) await clone.make()
  await first.build('-maps')
  bundled = packagesInMaps()
  for (const clone of clones) {
    await clone.build()
    await clone.pack()
  }
}, 300_000)

function packagesInMaps(): string[] {
  const sources = readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.map'))
    .flatMap((file) =>
      json<{ sources: string[] }>(join(dist, file)).sources.map((source) =>
        relative(first.folder, join(dist, file, '..', source)),
      ),
    )
  const packages = sources.flatMap(
    (path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  )
  // The bundler also adds its own helpers, which the source maps do not contain.
  return [...new Set([...packages, 'node_modules/rolldown'])].sort()
}

const filesOf = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()

function expectSameFiles(one: string, other: string): void {
  expect(filesOf(other)).toEqual(filesOf(one))
  for (const file of filesOf(one))
    expect(readFileSync(join(other, file)).equals(readFileSync(join(one, file))), file).toBe(true)
}

describe('the same sources make the same bytes', () => {
  test('the program, the npm package and the Debian package', () => {
    expectSameFiles(dist, join(second.folder, 'dist'))
    const [archive, deb] = filesOf(first.out)
    expect([archive, deb]).toEqual([
      expect.stringMatching(/^reconfd-.*\.tgz$/),
      expect.stringMatching(/^reconfd_.*_all\.deb$/),
    ])
    expectSameFiles(first.out, second.out)
  })
  // Only the long form builds the executable, because it writes and compares 240 MB.
  test.runIf(process.env['RECONFD_LONG'] === '1')(
    'the executable (RECONFD_LONG=1)',
    async () => {
      for (const clone of clones) await clone.compile()
      expect(filesOf(first.out)).toContain('reconfd')
      expectSameFiles(first.out, second.out)
      const { components } = json<Sbom>(join(first.out, 'reconfd.cdx.json'))
      expect(components.at(-1)).toMatchObject({ group: '@oven' })
      expect(components).toHaveLength(bundled.length + 1)
      expect(readFileSync(join(first.out, 'reconfd.third-party.txt'), 'utf8')).toContain(
        '---- @oven/bun-',
      )
    },
    300_000,
  )
})

describe('third-party.txt', () => {
  const manifest = (path: string) =>
    json<{ name: string; version: string; license: string }>(join(top, path, 'package.json'))

  test('has a section for each package in the bundle, and for no other', () => {
    const headings = [...sections().keys()]
    expect(bundled).toContain('node_modules/nunjucks')
    expect(headings).toEqual(
      bundled.map((path) => {
        const { name, version, license } = manifest(path)
        return `${name} ${version} (${license})`
      }),
    )
  })
  test('each section contains the licence file of the package, or the text of the licence that it names', () => {
    for (const [n, [heading, text]] of [...sections()].entries()) {
      const path = join(top, bundled[n] ?? '')
      const files = readdirSync(path).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
      for (const file of files)
        expect(text, heading).toContain(readFileSync(join(path, file), 'utf8').trim())
      expect(text, heading).toMatch(/copyright/i)
      expect(text, heading).toMatch(/Permission|Redistribution|Licensed under the Apache License/)
    }
  })
  test('no licence requires more than its notice', () => {
    const allowed = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']
    for (const path of bundled) expect(allowed, path).toContain(manifest(path).license)
  })

  function sections(): Map<string, string> {
    const text = readFileSync(join(dist, 'third-party.txt'), 'utf8')
    const [, ...rest] = text.split(/^---- /m)
    return new Map(rest.map((part) => [part.split('\n', 1)[0] ?? '', part]))
  }
})

describe('the bill of materials', () => {
  // The document was once validated against the CycloneDX 1.6 schema, which is too large (260 KB) to include here.
  const document = (): Sbom => json<Sbom>(join(dist, 'sbom.cdx.json'))

  test('names the program and each package in the bundle, with the hash of the lock file', () => {
    const { bomFormat, metadata, components } = document()
    expect(bomFormat).toBe('CycloneDX')
    const { name, version } = json<{ name: string; version: string }>(join(top, 'package.json'))
    expect(metadata.component).toMatchObject({ name, version, type: 'application' })
    const { packages } = json<{
      packages: Record<string, { version: string; license: string; integrity: string }>
    }>(join(top, 'package-lock.json'))
    const found = components.map((one) => {
      const [hash] = one.hashes
      return {
        path: one.properties.find((property) => property.name === 'cdx:npm:package:path')?.value,
        version: one.version,
        license: one.licenses[0]?.license.id,
        integrity: `sha512-${Buffer.from(hash?.content ?? '', 'hex').toString('base64')}`,
      }
    })
    const wanted = bundled.map((path) => {
      const { version, license, integrity } = packages[path] ?? expect.fail(path)
      return { path, version, license, integrity }
    })
    expect(found).toEqual(wanted)
  })
  test('each reference leads to a component, and each component is reached', () => {
    const { metadata, components, dependencies } = document()
    const refs = [metadata.component, ...components].map((one) => one['bom-ref'])
    expect(new Set(refs).size).toBe(refs.length)
    expect(dependencies.map(({ ref }) => ref)).toEqual(refs)
    expect(dependencies[0]?.dependsOn).toEqual(refs.slice(1))
    for (const { dependsOn } of dependencies)
      expect(refs).toEqual(expect.arrayContaining([...dependsOn]))
    expect(dependencies.find(({ ref }) => ref.startsWith('pkg:npm/saxes@'))?.dependsOn).toEqual([
      expect.stringMatching(/^pkg:npm\/xmlchars@/),
    ])
    expect(refs).toContainEqual(expect.stringMatching(/^pkg:npm\/%40opentelemetry\/api@/))
  })
  test('is in the npm package and in the Debian package', async () => {
    const files = filesOf(first.out)
    const archive = files.find((file) => file.endsWith('.tgz')) ?? ''
    const deb = files.find((file) => file.endsWith('.deb')) ?? ''
    const npm = await execa('tar', ['-tzf', join(first.out, archive)])
    expect(npm.stdout.split('\n')).toContain('package/dist/sbom.cdx.json')
    const debian = await execa('dpkg-deb', ['--contents', join(first.out, deb)])
    expect(debian.stdout).toContain('./usr/share/doc/reconfd/sbom.cdx.json\n')
  })
})
