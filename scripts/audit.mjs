// npm run audit: reports the known vulnerabilities of the bundled packages. `npm audit` finds none in an
// installation, because everything is bundled from devDependencies. This script runs `npm audit` over the lock
// files, development packages included, and keeps the advisories on packages in the bundle.
//
//   node scripts/audit.mjs [-built]    -built: use dist/ as it is
//   exit codes: 0 no advisory, 1 at least one, 2 the registry did not answer
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, installPackages, root } from './prepare.mjs'
import { pathsIn } from './sbom.mjs'

/**
 * @param {object} report the output of `npm audit --json`
 * @param {readonly string[]} paths the shipped packages, such as `node_modules/undici`
 * @returns {{ name: string, severity: string, title: string, url: string, range: string }[]} the advisories
 *   on these packages themselves; an advisory on a dependency counts only if the dependency is shipped too
 */
export function advisoriesOn(report, paths) {
  const found = Object.values(report.vulnerabilities)
    .filter(({ nodes }) => shipped(nodes, paths))
    .flatMap(({ via }) => via.filter((cause) => typeof cause === 'object'))
  return found.map(({ name, severity, title, url, range }) => ({
    name,
    severity,
    title,
    url,
    range,
  }))
}

const shipped = (nodes, paths) => nodes.some((node) => paths.includes(node))

/** npm's audit report for the lock file of a folder. */
function audit(folder) {
  // Overrides npm's settings and NODE_ENV, so that npm includes development packages and queries the registry.
  const args = ['audit', '--json', '--package-lock-only', '--include=dev', '--offline=false']
  const { stdout, error } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8' })
  const report = parsed(stdout ?? '')
  if (report?.vulnerabilities !== undefined) return report
  const reason =
    report?.message || report?.error?.summary || error?.message || 'npm printed no report'
  console.error(`cannot audit ${join(folder, 'package-lock.json')}: ${reason}`)
  console.error('Check the network and the registry (npm config get registry), and try again.')
  process.exit(2)
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function main() {
  if (process.argv[2] !== '-built') {
    installPackages()
    build()
  }
  const paths = pathsIn(JSON.parse(readFileSync(join(root, 'dist/sbom.cdx.json'), 'utf8')))
  const report = audit(root)
  // The runtime of the single executable has its own lock file and is shipped completely.
  const runtime = audit(join(root, 'scripts/bun'))
  const runtimePaths = Object.values(runtime.vulnerabilities).flatMap(({ nodes }) => nodes)
  const found = [...advisoriesOn(report, paths), ...advisoriesOn(runtime, runtimePaths)]
  for (const { name, severity, title, url, range } of found)
    console.log(`${name} ${range} (${severity}): ${title}\n  ${url}`)
  const others = Object.values(report.vulnerabilities).filter(({ nodes }) => !shipped(nodes, paths))
  console.log(`${found.length} advisories on shipped packages`)
  console.log(
    `${others.length} more packages with advisories, used only for development; to list them: npm audit`,
  )
  process.exitCode = found.length > 0 ? 1 : 0
}

if (process.argv[1] === import.meta.filename) main()
