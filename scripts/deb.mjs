// npm run deb: builds reconfd_VERSION_all.deb from the built program, with dpkg-deb alone and without root.
// The same sources give the same bytes, because all timestamps are SOURCE_DATE_EPOCH, by default the date of the
// newest entry in packaging/debian/changelog.
//
//   node scripts/deb.mjs [-built] [FOLDER]    -built: use dist/ as it is; FOLDER: where to write the package
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build, installPackages, root } from './prepare.mjs'

const args = process.argv.slice(2)
const isBuilt = args[0] === '-built'
const [folder = root] = isBuilt ? args.slice(1) : args
if (!isBuilt) {
  installPackages()
  build()
}

const SCRIPTS = ['postinst', 'prerm', 'postrm']
/** Files whose mode is not 0644. The mode of a folder is 0755. */
const MODES = {
  'usr/share/reconfd/cli.js': 0o755,
  // For secrets.
  'etc/default/reconfd': 0o640,
  ...Object.fromEntries(SCRIPTS.map((script) => [`DEBIAN/${script}`, 0o755])),
}

const source = (...path) => join(root, ...path)
const debian = (name) => readFileSync(source('packaging/debian', name), 'utf8')
const printed = (...args) =>
  execFileSync(process.execPath, [source('dist/cli.js'), ...args], { encoding: 'utf8' })

const { version, date } = newestEntry(debian('changelog'))
const epoch = process.env.SOURCE_DATE_EPOCH ?? String(Date.parse(date) / 1000)
const tree = mkdtempSync(join(tmpdir(), 'reconfd-deb-'))
try {
  fill()
  const out = resolve(folder, `reconfd_${version}_all.deb`)
  pack(out)
  console.log(out)
} finally {
  rmSync(tree, { recursive: true })
}

/** Copies each file of the package to its place below `tree`. */
function fill() {
  copy('dist/cli.js', 'usr/share/reconfd/cli.js')
  copy('dist/program', 'usr/share/reconfd/program')
  put('usr/share/reconfd/package.json', `${JSON.stringify({ name: 'reconfd', type: 'module' })}\n`)
  // The program runs under Debian's Node, on which the package depends, even if another Node is first on PATH.
  const program = readFileSync(join(tree, 'usr/share/reconfd/cli.js'), 'utf8')
  put('usr/share/reconfd/cli.js', program.replace(/^#!.*/, '#!/usr/bin/node'))
  mkdirSync(join(tree, 'usr/bin'))
  symlinkSync('../share/reconfd/cli.js', join(tree, 'usr/bin/reconfd'))

  for (const kind of ['resource', 'confd'])
    put(`usr/share/reconfd/${kind}.json`, printed('schema', kind))
  put('usr/share/bash-completion/completions/reconfd', printed('completion', 'bash'))
  put('usr/share/zsh/vendor-completions/_reconfd', printed('completion', 'zsh'))
  put('usr/share/fish/vendor_completions.d/reconfd.fish', printed('completion', 'fish'))
  put('usr/share/man/man1/reconfd.1.gz', gzip(printed('man')))
  for (const unit of ['reconfd.service', 'reconfd-register.service'])
    copy(`packaging/systemd/${unit}`, `usr/lib/systemd/system/${unit}`)

  put('etc/confd/confd.toml', debian('confd.toml'))
  put('etc/default/reconfd', debian('default'))
  for (const folder of ['conf.d', 'templates']) mkdirSync(join(tree, 'etc/confd', folder))

  put('usr/share/lintian/overrides/reconfd', debian('lintian-overrides'))
  const doc = 'usr/share/doc/reconfd'
  put(`${doc}/copyright`, copyright())
  put(`${doc}/changelog.Debian.gz`, gzip(debian('changelog')))
  put(`${doc}/changelog.gz`, gzip(readFileSync(source('CHANGELOG.md'))))
  copy('dist/sbom.cdx.json', `${doc}/sbom.cdx.json`)
  copy('README.md', `${doc}/README.md`)
  copy('docs', `${doc}/docs`, (path) => !path.endsWith('schema'))
  copy('examples', `${doc}/examples`)
}

/** The licences of reconfd and of the bundled libraries. A reference to Debian's copy replaces the Apache License. */
function copyright() {
  const ofOthers = readFileSync(source('dist/third-party.txt'), 'utf8')
  const apache = /Apache License\s+Version 2\.0[^]*?limitations under the License\./g
  const place = 'Apache License, version 2.0: /usr/share/common-licenses/Apache-2.0'
  return [readFileSync(source('LICENSE'), 'utf8'), ofOthers.replace(apache, place)].join('\n')
}

/** Adds dpkg's control files and builds the archive. */
function pack(out) {
  const files = filesBelow(tree)
  const kibibytes = files.reduce(
    (sum, file) => sum + Math.ceil(statSync(join(tree, file)).size / 1024),
    0,
  )
  const sums = files.map(
    (file) =>
      `${createHash('md5')
        .update(readFileSync(join(tree, file)))
        .digest('hex')}  ${file}\n`,
  )
  const conffiles = files.filter((file) => file.startsWith('etc/')).map((file) => `/${file}\n`)
  const control = debian('control').replace(
    /^Architecture:/m,
    `Version: ${version}\nInstalled-Size: ${kibibytes}\n$&`,
  )
  put('DEBIAN/control', control)
  put('DEBIAN/conffiles', conffiles.join(''))
  put('DEBIAN/md5sums', sums.join(''))
  for (const script of SCRIPTS) put(`DEBIAN/${script}`, debian(script))
  settleModes(tree)
  mkdirSync(dirname(out), { recursive: true })
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', tree, out], {
    env: { ...process.env, SOURCE_DATE_EPOCH: epoch },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

function put(path, content) {
  const file = join(tree, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

function copy(from, to) {
  cpSync(source(from), join(tree, to), { recursive: true })
}

/** Compresses without a timestamp. */
function gzip(content) {
  return gzipSync(content, { level: 9 })
}

/** All files except links, sorted, relative to the folder. */
function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

/** Sets all modes, so that neither the umask nor the modes in the clone matter. */
function settleModes(path) {
  const isFolder = statSync(path).isDirectory()
  chmodSync(path, MODES[relative(tree, path)] ?? (isFolder ? 0o755 : 0o644))
  if (!isFolder) return
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (!entry.isSymbolicLink()) settleModes(join(path, entry.name))
}

/** The newest entry of a changelog (deb-changelog(5)); its version must be that of package.json. */
function newestEntry(changelog) {
  const [, version] = /^reconfd \(([^)]+)\)/.exec(changelog) ?? []
  const [, date] = /^ -- .*>  (.*)$/m.exec(changelog) ?? []
  const released = JSON.parse(readFileSync(source('package.json'), 'utf8')).version
  if (version?.replace(/-[^-]+$/, '') === released && date !== undefined) return { version, date }
  console.error(
    `packaging/debian/changelog begins with ${version}, but package.json has ${released}: add an entry`,
  )
  process.exit(1)
}
