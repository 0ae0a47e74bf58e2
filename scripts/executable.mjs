// npm run executable [FILE]: builds one file that contains the program and a runtime, for machines without Node. FILE
// is build/reconfd by default. Also writes FILE.cdx.json, the bill of materials, and FILE.third-party.txt, the
// licences. The runtime is Bun: docs/installing.md explains why, and what it costs. The executable contains the same
// modules as dist/, but as ES modules, which Bun can compile.
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { bundle } from './bundle.mjs'
import { bundledPackages } from './bundled.mjs'
import { build, installPackages, root, step } from './prepare.mjs'
import { withComponents } from './sbom.mjs'

const LOCK = 'package-lock.json'
/** Bun is in a separate package, so that npm checks the download against the lock file of that package. */
const PACKAGE = join(root, 'scripts/bun')
const FETCHED = join(root, '.cache/bun')
const MODULES = join(root, '.cache/modules')
/** npm fetches the package for this machine at the version in the lock file. The `baseline` build needs no AVX2. */
const BINARIES = ['bun-linux-x64-baseline', 'bun-linux-aarch64'].map((name) =>
  join(FETCHED, 'node_modules/@oven', name, 'bin/bun'),
)

/** Fetches Bun, in the version of the lock file, unless it is already there. Returns the path of the binary. */
export function provideBun() {
  const isCurrent = () =>
    existsSync(join(FETCHED, LOCK)) &&
    readFileSync(join(FETCHED, LOCK)).equals(readFileSync(join(PACKAGE, LOCK)))
  if (!isCurrent()) {
    // npm writes to a new folder, which is then renamed, so that the folder is always complete.
    const fresh = `${FETCHED}-${process.pid}`
    cpSync(PACKAGE, fresh, { recursive: true })
    const npm = spawnSync('npm', ['ci', '--include=optional'], { cwd: fresh, stdio: 'inherit' })
    if (npm.status !== 0) {
      rmSync(fresh, { recursive: true, force: true })
      throw new Error('npm could not fetch Bun')
    }
    rmSync(FETCHED, { recursive: true, force: true })
    renameSync(fresh, FETCHED)
  }
  const found = BINARIES.find((path) => existsSync(path))
  if (found === undefined) throw new Error(`no Bun for ${process.platform} on ${process.arch}`)
  return found
}

/** Options of `bun build`: embed the compiled main module and its chunks, which load as lazily as under Node. */
const OPTIONS = [
  ...['--compile', '--bytecode', '--format=esm', '--splitting', '--minify'],
  // Compile code to machine code only after 100 times the usual number of runs, because compilation takes memory and
  // CPU time. During a start, no code runs that often; the loops of a large template do.
  '--compile-jit-policy=100',
  // No file in the working directory may change the behaviour of the program.
  ...['--no-compile-autoload-dotenv', '--no-compile-autoload-bunfig'],
]

/**
 * Builds the program and its single executable.
 * @param file the path of the executable
 * @returns the same path
 */
export function executable(file) {
  installPackages()
  build()
  compile(file)
  return file
}

/** Builds the executable and writes its bill of materials and its licences beside it. */
export function compile(file) {
  const bun = provideBun()
  mkdirSync(dirname(file), { recursive: true })
  rmSync(MODULES, { recursive: true, force: true })
  step('the modules', process.execPath, ['scripts/bundle.mjs', MODULES])
  step('the executable', bun, ['build', ...OPTIONS, '--outfile', file, join(MODULES, 'cli.js')])
  const runtime = bundledPackages([bun], `${FETCHED}/`)
  const bundle = JSON.parse(readFileSync(join(root, 'dist/sbom.cdx.json'), 'utf8'))
  const all = withComponents(bundle, runtime)
  writeFileSync(`${file}.cdx.json`, `${JSON.stringify(all, null, 2)}\n`)
  const libraries = readFileSync(join(root, 'dist/third-party.txt'), 'utf8')
  writeFileSync(`${file}.third-party.txt`, `${libraries}\n${runtime.map(noticeOfBun).join('')}`)
}

/** Bun's npm package contains no licence text. Bun's website lists the licences of Bun and of its libraries. */
const noticeOfBun = ({ name, version, license }) => `---- ${name} ${version} (${license})

The runtime of this executable is Bun. Its licence, and those of the libraries that it is linked with
(JavaScriptCore, under the LGPL, among them), are at https://bun.com/docs/project/license.
`

if (process.argv[1] === import.meta.filename) {
  executable(resolve(process.argv[2] ?? join(root, 'build/reconfd')))
}
