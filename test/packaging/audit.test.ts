// Tests `npm run audit`. npm queries a registry on this machine, which returns recorded advisories. The version
// ranges of these advisories include the versions in the lock file, and the advisory on xmlchars is invented. Two of
// the affected packages are in the bundle, and one is used only in development.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fileURLToPath } from 'node:url'
import type { IncomingMessage } from 'node:http'
import { execa } from 'execa'
import { describe, expect, onTestFinished, test } from 'vitest'
import { advisoriesOn, type AuditReport } from '../../scripts/audit.mjs'
import { startFake } from '../support/fake-http.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const recorded = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
const { undici = [], ...others } = recorded<Record<string, readonly object[]>>('advisories.json')
/** The advisories on undici, which is not in the bundle, are served as advisories on yaml, which is in the bundle. */
const advisories: Record<string, readonly object[]> = {
  ...others,
  yaml: undici.map((one) => ({ ...one, vulnerable_versions: '*' })),
}

describe('the filter', () => {
  /** The recorded report of npm 11 on these advisories. */
  const report = recorded<AuditReport>('audit-report.json')
  const on = (...paths: string[]) => advisoriesOn(report, paths).map(({ url }) => url.slice(-14))

  test('keeps the advisories on a bundled package, all of them', () => {
    expect(on('node_modules/undici')).toEqual(['cxrh-j4jr-qwg3', 'c76h-2ccp-4975'])
  })
  test('keeps an advisory on a bundled package that another one needs, once', () => {
    expect(report.vulnerabilities).toHaveProperty('saxes')
    expect(on('node_modules/saxes', 'node_modules/xmlchars')).toEqual(['xxxx-xxxx-xxxx'])
  })
  test('drops a package that is only affected through one that is not bundled', () => {
    expect(on('node_modules/saxes')).toEqual([])
  })
  test('drops another copy of a bundled package', () => {
    expect(on('node_modules/other/node_modules/undici')).toEqual([])
  })
  test('drops development packages', () => {
    expect(report.vulnerabilities).toHaveProperty('vite')
    expect(on('node_modules/yaml')).toEqual([])
  })
})

describe('the command', () => {
  test('reports bundled packages regardless of NODE_ENV and npm settings', async () => {
    const { exitCode, stdout } = await audit(advisories, {
      NODE_ENV: 'production',
      npm_config_offline: 'true',
      npm_config_omit: 'dev',
    })
    expect(stdout.split('\n')).toEqual([
      'xmlchars * (critical): xmlchars takes a control character for a letter',
      '  https://github.com/advisories/GHSA-xxxx-xxxx-xxxx',
      'yaml * (low): undici Denial of Service attack via bad certificate data',
      '  https://github.com/advisories/GHSA-cxrh-j4jr-qwg3',
      'yaml * (moderate): Use of Insufficiently Random Values in undici',
      '  https://github.com/advisories/GHSA-c76h-2ccp-4975',
      '3 advisories on shipped packages',
      expect.stringMatching(
        /^[1-9]\d* more packages with advisories, used only for development; to list them: npm audit$/,
      ),
    ])
    expect(exitCode).toBe(1)
  })
  test('reports the runtime of the executable, which has a lock file of its own', async () => {
    const [bun = ''] = Object.keys(
      recorded<{ optionalDependencies: object }>('../../scripts/bun/package.json')
        .optionalDependencies,
    )
    const { exitCode, stdout } = await audit({ [bun]: advisories['xmlchars'] ?? [] })
    expect(stdout).toContain(`${bun} * (critical): `)
    expect(exitCode).toBe(1)
  })
  test('succeeds when only development packages are affected', async () => {
    const { exitCode, stdout } = await audit({ vite: advisories['vite'] ?? [] })
    expect(stdout).toContain('0 advisories on shipped packages\n')
    expect(exitCode).toBe(0)
  })
  test('a registry that does not answer is not "no advisories"', async () => {
    const { exitCode, stdout, stderr } = await audit(undefined)
    expect(stderr).toMatch(/^cannot audit .*package-lock\.json: 405 /)
    expect(stdout).toBe('')
    expect(exitCode).toBe(2)
  })
})

/** Runs the audit with a registry that has the `known` advisories. If undefined, the registry refuses requests. */
async function audit(
  known: Readonly<Record<string, readonly object[]>> | undefined,
  env: Readonly<Record<string, string>> = {},
) {
  const registry = await startFake((url, response, _nth, request) => {
    if (!url.pathname.endsWith('/advisories/bulk')) return response.writeHead(404).end('{}')
    if (known === undefined) return response.writeHead(405).end()
    void bodyOf(request).then((asked) => {
      const answer = Object.entries(known).filter(([name]) => name in asked)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(Object.fromEntries(answer)))
    })
    return undefined
  })
  onTestFinished(() => registry.close())
  return execa(process.execPath, ['scripts/audit.mjs', '-built'], {
    cwd: top,
    env: { npm_config_registry: `http://${registry.node}/`, ...env },
    reject: false,
  })
}

async function bodyOf(request: IncomingMessage): Promise<object> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = Buffer.concat(parts)
  const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
  return JSON.parse(text.toString()) as object
}
