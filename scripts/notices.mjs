// Collects the licence texts of the bundled packages, because the licences require these notices in every copy.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The texts for packages that declare a licence but do not ship its text. */
const TEXTS = {
  ISC: `Permission to use, copy, modify, and/or distribute this software for any
purpose with or without fee is hereby granted, provided that the above
copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH
REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY
AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM
LOSS OF USE, DATA OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR
OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR
PERFORMANCE OF THIS SOFTWARE.`,
}

/**
 * @param {readonly import('./bundled.mjs').Package[]} packages
 * @param {string} root the folder that the paths of the packages are relative to
 * @returns {string} the name, version and licence text of each package
 */
export function notices(packages, root) {
  const texts = packages.map((one) => notice(one, join(root, one.path)))
  return `The program contains these libraries, each under its own licence.\n\n${texts.join('\n')}`
}

function notice({ name, version, license, author }, folder) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file))
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim())
  if (texts.length === 0) {
    if (!Object.hasOwn(TEXTS, license) || author === undefined)
      throw new Error(
        `${name} ships no text of its licence (${license}): add it to ${import.meta.filename}`,
      )
    texts.push(`Copyright (c) ${author}`, TEXTS[license])
  }
  return [`---- ${name} ${version} (${license})`, ...texts, ''].join('\n\n')
}
