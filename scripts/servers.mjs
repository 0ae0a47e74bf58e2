// Provides the servers for the tests: etcd, Consul, ZooKeeper, Redis, HAProxy, nginx.
// A server on PATH is used; otherwise its Debian package, with the dependencies
// that the machine lacks, is downloaded and unpacked into .cache/servers. Nothing is installed.
//
//   node scripts/servers.mjs          fetches the missing servers
//   node scripts/servers.mjs --list   also prints the path of each server
//
// Plain JavaScript without dependencies, since it runs before `npm ci` as well.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { readlinkSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { realpathSync } from 'node:fs'
import { delimiter, isAbsolute, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLoader } from './loader.mjs'

/** The packages that ZooKeeper really needs. With all declared dependencies, the archives would be 37 MB. */
const ZOOKEEPER = ['libzookeeper-java', 'libslf4j-java']

/** The libraries of HAProxy in trixie and forky, including the C library. */
const HAPROXY_LIBRARIES = [
  ...['libc6', 'libgcc-s1', 'libstdc++6', 'libcrypt1', 'libjemalloc2', 'liblua5.4-0'],
  ...['libopentracing-c-wrapper0t64', 'libopentracing1', 'libpcre2-8-0', 'libssl3t64'],
  ...['libzstd1', 'zlib1g'],
]

/**
 * The package of each server, and the path of its program in the package. `alone`: only these packages are fetched,
 * without their dependencies. `suite`: the release to fetch the package from, if the version matters; PATH is then
 * ignored. `ownLibc`: the program needs a newer C library than the machine may have, so it is changed to load the
 * unpacked one.
 */
const SERVERS = {
  etcd: { alone: ['etcd-server'], suite: 'bookworm', program: 'usr/bin/etcd' },
  // This Go program needs little of the C library, so the C library of bookworm is new enough.
  'etcd-3.5': { alone: ['etcd-server'], suite: 'trixie', program: 'usr/bin/etcd' },
  // Not a server: restores an etcd from a snapshot.
  etcdctl: { package: 'etcd-client', program: 'usr/bin/etcdctl' },
  consul: { package: 'consul', program: 'usr/bin/consul' },
  haproxy: { package: 'haproxy', program: 'usr/sbin/haproxy' },
  // One HAProxy of each release, because the releases differ in what they can change at run time (src/haproxy/).
  'haproxy-2.2': {
    alone: ['haproxy', 'libssl1.1', 'liblua5.3-0'],
    suite: 'bullseye',
    program: 'usr/sbin/haproxy',
  },
  'haproxy-2.6': {
    alone: ['haproxy', 'libssl3', 'liblua5.3-0', 'libopentracing-c-wrapper0', 'libopentracing1'],
    suite: 'bookworm',
    program: 'usr/sbin/haproxy',
  },
  'haproxy-3.0': {
    alone: ['haproxy', ...HAPROXY_LIBRARIES],
    suite: 'trixie',
    program: 'usr/sbin/haproxy',
    ownLibc: true,
  },
  'haproxy-3.2': {
    alone: ['haproxy', ...HAPROXY_LIBRARIES],
    suite: 'forky',
    program: 'usr/sbin/haproxy',
    ownLibc: true,
  },
  nginx: { package: 'nginx', program: 'usr/sbin/nginx' },
  java: { package: 'default-jre-headless', program: 'usr/lib/jvm/default-java/bin/java' },
  zookeeper: {
    alone: [
      ...ZOOKEEPER,
      ...['libdropwizard-metrics-java', 'libnetty-java', 'libsnappy-java'],
      // ZooKeeper's command-line client has needed this package since version 3.9.
      'libcommons-cli-java',
    ],
    program: 'usr/share/java/zookeeper.jar',
  },
  // The last version in Debian that lacks recursive watches.
  'zookeeper-3.4': {
    alone: ZOOKEEPER,
    suite: 'bullseye',
    program: 'usr/share/java/zookeeper.jar',
  },
  // Not a server: makes a file immutable.
  chattr: { package: 'e2fsprogs', program: 'usr/bin/chattr' },
  // Not a server: reads attributes of files. The package also contains setfattr, which sets them.
  getfattr: { package: 'attr', program: 'usr/bin/getfattr' },
  'redis-server': { package: 'redis-server', program: 'usr/bin/redis-server' },
  // Not a server: the browser for the status page.
  chromium: {
    package: 'chromium-headless-shell',
    program: 'usr/lib/chromium/chromium-headless-shell',
  },
  // Not servers: the shells that run the completion scripts.
  zsh: { package: 'zsh', program: 'bin/zsh' },
  fish: { package: 'fish', program: 'usr/bin/fish' },
  // Not a server: builds the Dockerfile without a daemon, for `npm run test:image`.
  buildah: { package: 'buildah', program: 'usr/bin/buildah', seldom: true },
  // Not a server: the first process of containers.
  tini: { package: 'tini', program: 'usr/bin/tini', seldom: true },
  // Not a server: formats and checks the manual page.
  mandoc: { package: 'mandoc', program: 'usr/bin/mandoc' },
  // Not a server: the HTTP client in the commands of the docs.
  curl: { package: 'curl', program: 'usr/bin/curl' },
  // Not servers: systemd's notification client and its checker of units. Neither needs a running systemd.
  'systemd-notify': { package: 'systemd', program: 'bin/systemd-notify' },
  'systemd-analyze': { package: 'systemd', program: 'usr/bin/systemd-analyze' },
  // Not a server: checks the metrics. Part of the prometheus package up to Debian 12.
  promtool: { alone: ['prometheus'], suite: 'bookworm', program: 'usr/bin/promtool' },
}

/**
 * Suites besides the machine's own: bullseye is the last release with Consul and ZooKeeper 3.4, bookworm the one with
 * etcd 3.4, and trixie the first with etcd 3.5. Each has a different HAProxy.
 */
const EXTRA_SUITES = ['bullseye', 'bookworm', 'trixie', 'forky']

/** The servers that `npm test` needs; the others are fetched when a test requires them. */
export const serverNames = Object.keys(SERVERS).filter((name) => !SERVERS[name].seldom)

const CACHE = fileURLToPath(new URL('../.cache/servers', import.meta.url))

/**
 * The path of a server's program; undefined if it is neither on PATH nor in the cache.
 * `env` contains the variables that the program needs in addition to those of its caller.
 * @param {string} name one of `serverNames`, or another program on PATH
 * @returns {{ path: string, env: Record<string, string> } | undefined}
 */
export function locate(name) {
  // Debian keeps haproxy and nginx in /usr/sbin, which an ordinary user's PATH lacks.
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  const isFromPath = SERVERS[name]?.suite === undefined
  for (const folder of isFromPath ? folders : []) {
    if (folder !== '' && isProgram(join(folder, name))) return { path: join(folder, name), env: {} }
  }
  const root = join(CACHE, name)
  const path = programIn(root, SERVERS[name].program)
  return path === undefined ? undefined : { path, env: { ...libraryPath(root), ...fonts(root) } }
}

/** The path of a package's program. Since Debian 13, packages use usr/bin/ instead of bin/. */
function programIn(root, program) {
  return [join(root, program), join(root, 'usr', program)].find(isProgram)
}

function isProgram(path) {
  try {
    accessSync(path, path.endsWith('.jar') ? constants.R_OK : constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** The variable with which a browser finds the unpacked fonts. Without fonts, the browser would show no text. */
const fonts = (root) =>
  existsSync(join(root, 'usr/share/fonts')) ? { XDG_DATA_HOME: join(root, 'usr/share') } : {}

/** LD_LIBRARY_PATH for the unpacked libraries: the folders in lib/ and usr/lib/ that are named after an architecture. */
function libraryPath(root) {
  const folders = []
  for (const lib of [join(root, 'lib'), join(root, 'usr/lib')]) {
    if (!existsSync(lib)) continue
    for (const entry of readdirSync(lib)) {
      if (!entry.includes('-linux-gnu')) continue
      folders.push(join(lib, entry))
      // PulseAudio's library, which Chromium needs, and systemd's programs load further libraries from
      // folders of their own.
      const own = ['pulseaudio', 'systemd'].map((name) => join(lib, entry, name))
      folders.push(...own.filter((folder) => existsSync(folder)))
    }
  }
  return folders.length === 0 ? {} : { LD_LIBRARY_PATH: folders.join(delimiter) }
}

/**
 * Fetches the servers that are missing.
 * @param {readonly string[]} names
 * @returns {string[]} one line for each server that is still missing, with the reason
 */
export function provide(names) {
  const missing = names.filter((name) => locate(name) === undefined)
  if (missing.length === 0) return []
  if (spawnSync('apt-get', ['--version']).status !== 0) {
    return missing.map((name) => `${name}: not on PATH, and there is no apt-get to fetch it with`)
  }
  // Each process works in its own folder and renames finished servers into place, so concurrent runs are safe.
  const work = join(CACHE, `.work-${process.pid}`)
  try {
    const apt = privateApt(work)
    if (typeof apt === 'string') return missing.map((name) => `${name}: ${apt}`)
    const update = apt('update')
    return missing.flatMap((name) => {
      const problem = fetch(name, work, apt)
      return problem === undefined
        ? []
        : [`${name}: ${problem}\n${indent(update.problems)}`.trimEnd()]
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/**
 * An apt-get that reads the machine's Debian sources and its list of installed packages, and writes only below `work`.
 * This apt-get needs neither root nor a previous `apt-get update`.
 * @returns a function that runs apt-get, or the reason why apt-get cannot be used
 */
function privateApt(work) {
  const sources = debianSources()
  if (sources.length === 0) {
    return 'no Debian archive among the apt sources of this machine (an entry whose address ends in /debian)'
  }
  mkdirSync(join(work, 'lists/partial'), { recursive: true })
  mkdirSync(join(work, 'archives/partial'), { recursive: true })
  writeFileSync(join(work, 'sources.list'), [...new Set(sources.map(listed))].join('\n') + '\n')
  writeFileSync(join(work, 'preferences'), extraSuites(sources).map(asLastResort).join('\n'))
  writeFileSync(
    join(work, 'apt.conf'),
    `
Dir::State "${work}";
Dir::State::lists "${work}/lists";
Dir::State::status "/var/lib/dpkg/status";
Dir::Cache "${work}";
Dir::Cache::archives "${work}/archives";
Dir::Etc::sourcelist "${work}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "${work}/preferences";
Dir::Log "${work}";
Debug::NoLocking "1";
APT::Sandbox::User "root";
APT::Install-Recommends "0";
APT::Keep-Downloaded-Packages "1";
Acquire::Retries "2";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
`,
  )
  return (...args) => {
    const run = spawnSync('apt-get', ['-q', '-y', '-c', join(work, 'apt.conf'), ...args], {
      cwd: join(work, 'archives'),
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
    })
    const lines = `${run.stdout}\n${run.stderr}`.split('\n')
    return {
      ok: run.status === 0,
      problems: lines.filter((line) => /^[EW]:/.test(line)).join('\n'),
    }
  }
}

const listed = ({ options, uri, suite, components }) =>
  `deb ${options} ${uri} ${suite} ${components}`

const extraSuites = (sources) => sources.filter(({ extra }) => extra).map(({ suite }) => suite)

/** Without this pin, apt would prefer the packages of a newer release, whose dependencies the machine does not have. */
const asLastResort = (suite) => `Package: *\nPin: release n=${suite}\nPin-Priority: 1\n`

/** The machine's Debian entries, then the missing extra suites, at the address of the first entry. */
function debianSources() {
  const lines = []
  for (const file of sourceFiles()) {
    const text = readFileSync(file, 'utf8')
    lines.push(...(file.endsWith('.sources') ? deb822(text) : oneLine(text)))
  }
  // Third-party archives are left out, so that a failing one cannot fail the run.
  const debian = lines.filter(({ uri }) => /\/debian(-security)?\/?$/.test(uri))
  const main = debian.find(({ uri }) => /\/debian\/?$/.test(uri))
  if (main === undefined) return []
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const signed = existsSync(keyring) ? ` signed-by=${keyring}` : ''
  const own = new Set(debian.map(({ suite }) => suite))
  for (const suite of EXTRA_SUITES.filter((name) => !own.has(name))) {
    // The index of an old release has expired, but its packages are still good.
    const options = `[check-valid-until=no${signed}]`
    debian.push({ uri: main.uri, options, suite, components: 'main', extra: true })
  }
  return debian
}

function sourceFiles() {
  const parts = '/etc/apt/sources.list.d'
  const names = existsSync(parts) ? readdirSync(parts).sort() : []
  const files = ['/etc/apt/sources.list', ...names.map((name) => join(parts, name))]
  return files.filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
}

/** Parses entries in the form `deb [options] uri suite component...`. */
function oneLine(text) {
  return text.split('\n').flatMap((line) => {
    const match = /^deb\s+(\[[^\]]*\])?\s*(\S+)\s+(\S+)\s+([^#]+)/.exec(line.trim())
    if (match === null) return []
    const [, options = '', uri, suite, components] = match
    return [{ options, uri, suite, components: components.trim() }]
  })
}

/** Parses stanzas of `Field: value` lines; returns one entry for each address and suite. */
function deb822(text) {
  return text.split(/\n\s*\n/).flatMap((stanza) => {
    const plain = stanza.replace(/^#.*\n?/gm, '')
    const field = (name) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(plain)?.[1]?.trim() ?? ''
    const words = (name) => field(name).split(/\s+/).filter(Boolean)
    if (!words('Types').includes('deb') || field('Enabled').toLowerCase() === 'no') return []
    // An inline key does not fit on one line; apt's own keys are used instead.
    const signed = field('Signed-By').startsWith('/') ? `[signed-by=${field('Signed-By')}]` : ''
    return words('URIs').flatMap((uri) =>
      words('Suites').map((suite) => ({
        options: signed,
        uri,
        suite,
        components: field('Components'),
      })),
    )
  })
}

/** Downloads and unpacks one server. Returns the reason for a failure; undefined after a success. */
function fetch(name, work, apt) {
  const archives = join(work, 'archives')
  const { package: main, alone, suite, program, ownLibc } = SERVERS[name]
  const download =
    alone === undefined
      ? apt('install', '--download-only', '--no-install-recommends', main)
      : apt('download', ...(suite === undefined ? [] : ['-t', suite]), ...alone)
  if (!download.ok) return `apt-get could not download it\n${indent(download.problems)}`
  const root = join(work, name)
  for (const file of readdirSync(archives).filter((entry) => entry.endsWith('.deb'))) {
    const unpack = spawnSync('dpkg', ['-x', join(archives, file), root], { encoding: 'utf8' })
    if (unpack.status !== 0) return `dpkg -x ${file} failed: ${unpack.stderr.trim()}`
    rmSync(join(archives, file))
  }
  mendLinks(root, root)
  if (programIn(root, program) === undefined)
    return `package ${main ?? alone[0]} contains no ${program}`
  if (ownLibc) startWithOwnLibc(root, program, join(realpathSync(CACHE), name))
  try {
    renameSync(root, join(CACHE, name))
  } catch (error) {
    // Another run was faster; its result is used.
    if (locate(name) === undefined) return `could not move it to ${CACHE}: ${error.message}`
  }
  return undefined
}

/** @param home the final path of the unpacked tree */
function startWithOwnLibc(root, program, home) {
  const libraries = readdirSync(join(root, 'usr/lib'), { recursive: true })
  const loader = libraries.find((path) => /(^|\/)ld-linux[^/]*\.so\.\d+$/.test(path))
  const path = join(root, program)
  writeFileSync(path, withLoader(readFileSync(path), join(home, 'usr/lib', loader)))
}

/** Redirects links to absolute paths, such as Java's links to its files in /etc, into the unpacked tree. */
function mendLinks(folder, root) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) mendLinks(path, root)
    if (!entry.isSymbolicLink()) continue
    const target = readlinkSync(path)
    if (!isAbsolute(target) || !existsSync(join(root, target))) continue
    rmSync(path)
    symlinkSync(relative(folder, join(root, target)), path)
  }
}

const indent = (text) => text.replace(/^(?=.)/gm, '    ')

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const problems = provide(serverNames)
  if (process.argv.includes('--list')) {
    for (const name of serverNames) {
      const found = locate(name)
      if (found !== undefined) console.log(`${name} -> ${found.path}`)
    }
  }
  if (problems.length > 0) {
    console.error(
      `servers for the tests are missing:\n${problems.map((line) => `  ${line}`).join('\n')}`,
    )
    console.error(
      'Put them on PATH, or make the Debian archive reachable for apt-get, and try again.',
    )
    process.exitCode = 1
  }
}
