// A minimal Debian in a folder: a package database, a shell and Node. Tests install a package there with dpkg and run
// it there. The machine's own packages are not touched.
import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
} from 'node:fs'
import { symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { leftovers } from '../support/leftovers.ts'

/** A PATH with the folders of dpkg's helpers, which are missing from an ordinary user's PATH. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export class Root {
  /** This folder is not in /dev/shm, which may be mounted noexec. */
  readonly path = mkdtempSync(join(tmpdir(), 'reconfd-root-'))

  constructor() {
    leftovers.folders.add(this.path)
    for (const folder of [
      'usr/bin',
      'usr/lib',
      'usr/lib64',
      'usr/sbin',
      'dev',
      'tmp',
      'etc',
      'var/log',
    ])
      this.makeFolder(folder)
    for (const folder of ['bin', 'lib', 'lib64', 'sbin'])
      symlinkSync(`usr/${folder}`, this.at(folder))
    for (const folder of ['info', 'updates', 'triggers']) this.makeFolder(`var/lib/dpkg/${folder}`)
    for (const file of ['status', 'available']) this.write(`var/lib/dpkg/${file}`, '')
    this.copyProgram(process.execPath, '/usr/bin/node')
    this.copyProgram('/bin/sh', '/usr/bin/sh')
    for (const name of ['acorn', 'acorn-walk', 'cjs-module-lexer', 'minimatch', 'undici'])
      this.copyFolder(`/usr/share/nodejs/${name}`)
    spawnSync('mknod', ['-m', '666', this.at('dev/null'), 'c', '1', '3'])
  }

  at(path: string): string {
    return join(this.path, path)
  }

  /** Returns true if the path exists, even as a dangling link. */
  has(path: string): boolean {
    return lstatSync(this.at(path), { throwIfNoEntry: false }) !== undefined
  }

  read(path: string): string {
    return readFileSync(this.at(path), 'utf8')
  }

  write(path: string, text: string): void {
    this.makeFolder(dirname(path))
    writeFileSync(this.at(path), text)
  }

  makeFolder(path: string): void {
    mkdirSync(this.at(path), { recursive: true })
  }

  /** Runs dpkg on this root. Maintainer scripts run outside it, with DPKG_ROOT; dependencies are ignored. */
  async dpkg(...args: readonly string[]): Promise<string> {
    const force = ['depends', 'script-chrootless', 'confold', 'unsafe-io'].map(
      (what) => `--force-${what}`,
    )
    const log = `--log=${this.at('var/log/dpkg.log')}`
    const { all } = await execa('dpkg', [`--root=${this.path}`, log, ...force, ...args], {
      all: true,
      env: { PATH, LC_ALL: 'C' },
    })
    return all
  }

  /** Returns the status of the package in dpkg, such as `install ok installed`. */
  async status(name: string): Promise<string> {
    const { stdout } = await execa(
      'dpkg-query',
      [`--admindir=${this.at('var/lib/dpkg')}`, '-W', '-f', '${Status}', name],
      { reject: false },
    )
    return stdout
  }

  /** Runs a program in this root. */
  run(...command: readonly string[]) {
    return execa('chroot', [this.path, ...command], {
      all: true,
      reject: false,
      extendEnv: false,
      env: { PATH },
    })
  }

  /** Copies a program from the machine, with the libraries that it needs. */
  copyProgram(from: string, to = from): void {
    this.copy(from, to)
    const { stdout } = spawnSync('ldd', [from], { encoding: 'utf8' })
    for (const [library] of stdout.matchAll(/\/\S+/g)) this.copy(library)
  }

  /**
   * Copies a folder if it exists. Debian's Node keeps some of its modules in separate folders, and other builds do not.
   */
  copyFolder(path: string): void {
    if (existsSync(path)) cpSync(path, this.at(path), { recursive: true, dereference: true })
  }

  /** Copies a file from the machine. If `from` is a link, copies its target. */
  copy(from: string, to = from): void {
    this.makeFolder(dirname(to))
    copyFileSync(realpathSync(from), this.at(to))
  }
}
