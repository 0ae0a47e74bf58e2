// Bundles the command (src/start.ts, src/cli.ts) and the library (src/index.ts) into dist/, so that the package has no
// dependencies to install.
//
//   node scripts/build.mjs [-maps]    -maps: with source maps, from which test/packaging reads the bundled modules
import { execFileSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from './bundle.mjs'
import { bundledPackages } from './bundled.mjs'
import { notices } from './notices.mjs'
import { sbom } from './sbom.mjs'
import { bundleTypes } from './types.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const program = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** Options for CommonJS scripts in one folder, whose compiled code can be cached (src/system/modules.ts). */
const SCRIPTS = {
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
  dynamicImportInCjs: false,
}

rmSync(`${root}dist`, { recursive: true, force: true })
const sourcemap = process.argv[2] === '-maps'
const modules = [
  await bundle({ cli: 'src/cli.ts' }, { ...SCRIPTS, dir: 'dist/program', sourcemap }),
  await bundle({ index: 'src/index.ts' }, { dir: 'dist', sourcemap }),
  await bundle(
    { cli: 'src/start.ts' },
    { dir: 'dist', banner: '#!/usr/bin/env node', codeSplitting: false, sourcemap },
  ),
].flat()
for (const name of readdirSync(`${root}dist/program`)) wrap(`${root}dist/program/${name}`)
writeFileSync(`${root}dist/index.d.ts`, bundleTypes(`${root}src/index.ts`))
// The manual page, which `npm install --global` also installs. The program itself prints it.
writeFileSync(
  `${root}dist/reconfd.1`,
  execFileSync(process.execPath, [`${root}dist/cli.js`, 'man']),
)
const packages = bundledPackages(modules, root)
writeFileSync(`${root}dist/third-party.txt`, notices(packages, root))
writeFileSync(`${root}dist/sbom.cdx.json`, `${JSON.stringify(sbom(program, packages), null, 2)}\n`)

/**
 * Wraps a chunk in a CommonJS function, as src/system/modules.ts expects. Escapes it to ASCII, because a single
 * character beyond Latin-1 would make V8 use two bytes for every character.
 */
function wrap(path) {
  if (!path.endsWith('.cjs')) return
  const text = readFileSync(path, 'utf8').replace(
    /[^\0-\x7f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  writeFileSync(path, `(function(exports,require,module,__filename){'use strict';${text}\n})`)
}

// npm records file modes in its archive. The modes are set here, so that the archive does not depend on the umask.
for (const path of ['package.json', ...program.files]) settleModes(join(root, path))

function settleModes(path) {
  const isFolder = statSync(path).isDirectory()
  chmodSync(path, isFolder || path === join(root, program.bin.reconfd) ? 0o755 : 0o644)
  if (isFolder) for (const name of readdirSync(path)) settleModes(join(path, name))
}
