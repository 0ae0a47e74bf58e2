// The Debian package: its contents, and its lifecycle from installation to purge.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { execa } from 'execa'
import { beforeAll, describe, expect, test } from 'vitest'
import { readConfFile } from '../../src/config/conffile.ts'
import { manPage } from '../../src/config/man.ts'
import { optionNames, optionOf, parseValue } from '../../src/config/options.ts'
import { leftovers } from '../support/leftovers.ts'
import { Root } from './root.ts'

const top = fileURLToPath(new URL('../../', import.meta.url))
const { version } = JSON.parse(readFileSync(join(top, 'package.json'), 'utf8')) as {
  version: string
}
const work = mkdtempSync(join(tmpdir(), 'reconfd-deb-'))
leftovers.folders.add(work)

/** Builds the Debian package from dist/. Returns its path. */
async function makePackage(): Promise<string> {
  const { stdout } = await execa(
    process.execPath,
    ['scripts/deb.mjs', '-built', join(work, 'made')],
    {
      cwd: top,
    },
  )
  return stdout
}

let deb = ''
let next = ''
/** The unpacked package, with dpkg's control files in DEBIAN/. */
const unpacked = join(work, 'unpacked')
const inside = (path: string): string => readFileSync(join(unpacked, path), 'utf8')

beforeAll(async () => {
  deb = await makePackage()
  await execa('dpkg-deb', ['--raw-extract', deb, unpacked])
  next = await nextPackage()
})

describe('what is in it', () => {
  test('the control file', async () => {
    const { stdout } = await execa('dpkg-deb', ['--field', deb])
    expect(stdout).toContain(`Version: ${version}-1\n`)
    expect(stdout).toContain('Architecture: all\n')
    expect(stdout).toContain('Depends: nodejs (>= 20.19)\n')
    expect(stdout).toMatch(/^Installed-Size: \d+$/m)
    expect(inside('DEBIAN/conffiles')).toBe('/etc/confd/confd.toml\n/etc/default/reconfd\n')
  })
  test('every file is in its place and belongs to root; all but secrets are world-readable', async () => {
    const { stdout } = await execa('dpkg-deb', ['--contents', deb])
    const rows = stdout.split('\n').map((line) => line.split(/\s+/))
    for (const [mode, owner, , , , path] of rows) {
      expect(owner).toBe('root/root')
      if (path === './etc/default/reconfd') expect(mode).toBe('-rw-r-----')
      else expect(mode).toMatch(/^(drwxr-xr-x|-rw-r--r--|-rwxr-xr-x|lrwxrwxrwx)$/)
    }
    const paths = rows.map((row) => row.slice(5).join(' '))
    expect(paths).toEqual(
      expect.arrayContaining([
        './etc/confd/conf.d/',
        './etc/confd/templates/',
        './usr/bin/reconfd -> ../share/reconfd/cli.js',
        './usr/lib/systemd/system/reconfd-register.service',
        './usr/lib/systemd/system/reconfd.service',
        './usr/share/bash-completion/completions/reconfd',
        './usr/share/zsh/vendor-completions/_reconfd',
        './usr/share/fish/vendor_completions.d/reconfd.fish',
        './usr/share/doc/reconfd/changelog.Debian.gz',
        './usr/share/doc/reconfd/changelog.gz',
        './usr/share/doc/reconfd/copyright',
        './usr/share/man/man1/reconfd.1.gz',
        './usr/share/reconfd/confd.json',
        './usr/share/reconfd/resource.json',
      ]),
    )
    const folders = /^\.\/(usr\/(bin|lib\/systemd|share\/[\w-]+)\/|etc\/(confd|default)\/)/
    expect(paths.filter((path) => !path.endsWith('/') && !folders.test(path))).toEqual([])
  })
  test('the manual page, and the licences of all contents', () => {
    const page = gunzipSync(readFileSync(join(unpacked, 'usr/share/man/man1/reconfd.1.gz')))
    expect(page.toString()).toBe(manPage(version))
    const licences = inside('usr/share/doc/reconfd/copyright')
    for (const name of [
      'The reconfd authors',
      'smol-toml',
      'nunjucks',
      'common-licenses/Apache-2.0',
    ])
      expect(licences).toContain(name)
  })
  test('the program that the unit starts exists', () => {
    const unit = inside('usr/lib/systemd/system/reconfd.service')
    expect(unit).toContain('EnvironmentFile=-/etc/default/reconfd\n')
    expect(unit).toMatch(/^ExecStart=\/usr\/bin\/reconfd$/m)
    expect(inside('usr/share/reconfd/cli.js')).toMatch(/^#!\/usr\/bin\/node\n/)
  })
  test('the settings: commented-out lines are valid, and show the default if there is one', async () => {
    const file = join(work, 'all.toml')
    writeFileSync(file, inside('etc/confd/confd.toml').replace(/^#(?=[\w-]+ = )/gm, ''))
    const { values, faults } = await readConfFile(file, true)
    expect(faults).toEqual([])
    const given = optionNames.filter((name) => values[name] !== undefined)
    expect(given.length).toBeGreaterThan(10)
    for (const name of given) {
      const option = optionOf(name)
      if (option.default === undefined) continue
      expect({ [name]: parseValue(option, option.default) }).toMatchObject({
        [name]: { value: values[name] },
      })
    }
  })
})

/** Builds a package of the next version, with a changed configuration file. Returns its path. */
async function nextPackage(): Promise<string> {
  const folder = join(work, 'next')
  await execa('dpkg-deb', ['--raw-extract', deb, folder])
  const control = join(folder, 'DEBIAN/control')
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .*/m, 'Version: 99.0-1'))
  const settings = join(folder, 'etc/confd/confd.toml')
  writeFileSync(settings, `${readFileSync(settings, 'utf8')}# of the next version\n`)
  const file = join(work, 'next.deb')
  await execa('dpkg-deb', ['-Znone', '--build', folder, file])
  return file
}

const enabled = 'etc/systemd/system/multi-user.target.wants/reconfd.service'

describe.skipIf(process.getuid?.() !== 0)('on a machine', () => {
  test('install, run, upgrade, remove, purge', async () => {
    const root = new Root()
    const told = await root.dpkg('--install', deb)
    expect(await root.status('reconfd')).toBe('install ok installed')
    expect(told).toContain('not enabled: there are no resources in /etc/confd/conf.d yet')
    expect(root.has('etc/systemd/system')).toBe(false)
    expect((await root.run('reconfd', '-version')).all).toContain(`reconfd ${version} (node v`)
    // The check must fail, because conf.d is still empty.
    const idle = await root.run('reconfd', 'check')
    expect(idle).toMatchObject({ exitCode: 78 })

    root.write('etc/confd/confd.toml', 'backend = "file"\nfile = ["/etc/confd/keys.yaml"]\n')
    root.write('etc/confd/keys.yaml', 'port: 8080\n')
    root.write('etc/confd/templates/app.njk', 'port {{ getv("/port") }}\n')
    root.write(
      'etc/confd/conf.d/app.toml',
      '[template]\nsrc = "app.njk"\ndest = "/etc/app.conf"\nkeys = ["/port"]\n' +
        'check_cmd = "read word rest <{{.src}} && [ $word = port ]"\nreload_cmd = "echo reloaded >>/tmp/reloads"\n',
    )
    const run = await root.run('reconfd', '-onetime')
    expect(run, run.all).toMatchObject({ exitCode: 0 })
    expect(root.read('etc/app.conf')).toBe('port 8080\n')
    expect(root.read('tmp/reloads')).toBe('reloaded\n')
    expect(root.has('var/lib/reconfd')).toBe(true)

    await root.dpkg('--install', next)
    expect(root.read('etc/confd/confd.toml')).toContain('/etc/confd/keys.yaml')
    expect(root.read('etc/confd/confd.toml.dpkg-dist')).toContain('# of the next version')
    expect(root.has(enabled), 'an upgrade enables nothing').toBe(false)

    await root.dpkg('--remove', 'reconfd')
    expect(await root.status('reconfd')).toBe('deinstall ok config-files')
    for (const gone of ['usr/bin/reconfd', 'usr/share/reconfd', 'usr/lib/systemd'])
      expect(root.has(gone), gone).toBe(false)
    for (const kept of [
      'etc/confd/confd.toml',
      'etc/confd/conf.d/app.toml',
      'var/lib/reconfd',
      'etc/app.conf',
    ])
      expect(root.has(kept), kept).toBe(true)

    await root.dpkg('--purge', 'reconfd')
    for (const gone of [
      'etc/confd/confd.toml',
      'etc/confd/confd.toml.dpkg-dist',
      'var/lib/reconfd',
    ])
      expect(root.has(gone), gone).toBe(false)
    expect(root.has('etc/confd/conf.d/app.toml'), 'the administrator has written it').toBe(true)
  })

  test('settings that nobody has edited are replaced by an upgrade', async () => {
    const root = new Root()
    await root.dpkg('--install', deb)
    await root.dpkg('--install', next)
    expect(root.read('etc/confd/confd.toml')).toContain('# of the next version')
    await root.dpkg('--purge', 'reconfd')
    expect(root.has('etc/confd')).toBe(false)
    expect(root.has('var/lib/systemd/deb-systemd-helper-enabled/reconfd.service.dsh-also')).toBe(
      false,
    )
  })

  test('on a machine with a confd configuration, the service is enabled, once', async () => {
    const root = new Root()
    root.write('etc/confd/conf.d/app.toml', '')
    expect(await root.dpkg('--install', deb)).not.toContain('not enabled')
    expect(root.has(enabled)).toBe(true)
    await root.dpkg('--install', deb)
    expect(root.has(enabled), 'twice is the same').toBe(true)
    await execa('rm', [root.at(enabled)])
    await root.dpkg('--install', next)
    expect(root.has(enabled), 'who has disabled it wants it so').toBe(false)
    await root.dpkg('--purge', 'reconfd')
    expect(root.read('etc/confd/conf.d/app.toml')).toBe('')
  })
})
