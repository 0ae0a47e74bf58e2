// The licences of the libraries that were bundled: they ask that their notices go with every copy.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param {readonly string[]} moduleIds the files that went into the bundle
 * @returns {string} for each package among them its name, version and licence, by name
 */
export function notices(moduleIds) {
  const folders = moduleIds.flatMap(
    (id) => /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(id) ?? [],
  )
  const texts = [...new Set(folders)].sort().map(notice)
  return `The program holds these libraries, each under its own licence.\n\n${texts.join('\n')}`
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  if (files.length === 0 && license === undefined) throw new Error(`${name} names no licence`)
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim())
  return [`---- ${name} ${version} (${license})`, ...texts, ''].join('\n\n')
}
