// Determines which packages have code in the bundle, from the list of bundled modules. The licences (notices.mjs) and
// the bill of materials (sbom.mjs) are generated from these packages.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {object} Package
 * @property {string} path the package's folder relative to the repository, which is also its key in the lock file
 * @property {string} name
 * @property {string} version
 * @property {string} license an SPDX expression
 * @property {string} [author]
 * @property {string} integrity the hash of the package's archive, from the lock file, such as `sha512-...`
 * @property {string[]} requires the paths of the bundled packages that the package depends on
 */

/**
 * @param {readonly string[]} moduleIds the modules in the bundle
 * @param {string} root the folder of the lock file, with a slash at its end
 * @returns {Package[]} sorted by path
 */
export function bundledPackages(moduleIds, root) {
  const { packages: locked } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'))
  const paths = [...new Set(moduleIds.flatMap((id) => packagePath(id, root) ?? []))].sort()
  return paths.map((path) => {
    const { name, version, license, author } = JSON.parse(
      readFileSync(join(root, path, 'package.json'), 'utf8'),
    )
    const entry = locked[path]
    if (entry?.version !== version)
      throw new Error(`${path} is ${version}, but the lock file has ${entry?.version}: run npm ci`)
    if (license === undefined) throw new Error(`${path} declares no licence`)
    const requires = Object.keys({ ...entry.dependencies, ...entry.peerDependencies })
      .map((dependency) => resolved(dependency, path, locked))
      .filter((found) => paths.includes(found))
      .sort()
    return {
      ...{ path, name, version, license, requires, integrity: entry.integrity },
      author: typeof author === 'object' ? author.name : author?.replace(/ *[<(].*/, ''),
    }
  })
}

/**
 * The folder of the package that contains a module, relative to the repository. Helpers that the bundler inserts are
 * attributed to its own package, rolldown.
 */
function packagePath(moduleId, root) {
  if (moduleId.includes('\0rolldown/')) return 'node_modules/rolldown'
  // The clone itself may be in a folder named node_modules.
  const id = (moduleId.startsWith(root) ? moduleId.slice(root.length) : moduleId).replaceAll(
    '\\',
    '/',
  )
  const inside = id.slice(Math.max(id.indexOf('node_modules/'), 0))
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(inside)?.[0]
}

/** Follows Node's lookup: beside the files of the requiring package, then in each parent folder. */
function resolved(name, from, locked) {
  for (let at = from; ; at = at.replace(/\/?node_modules\/(?:@[^/]+\/)?[^/]+$/, '')) {
    const path = `${at === '' ? '' : `${at}/`}node_modules/${name}`
    if (path in locked) return path
    if (at === '') return undefined
  }
}
