// A sandbox for each page: namespaces for network, processes and mounts, a PATH with the programs that pages
// use, and one shell that runs the commands of the page in sequence.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { leftovers } from '../support/leftovers.ts'
import { within } from '../support/until.ts'
import { top } from './markdown.ts'

const namespaces = ['--net', '--pid', '--fork', '--mount', '--mount-proc', '--kill-child']

/** Returns the reason why namespaces cannot be created here, or undefined if they can. */
export function cannotIsolate(): string | undefined {
  const { status, stderr, error } = spawnSync('unshare', [...namespaces, 'true'], {
    encoding: 'utf8',
  })
  if (status === 0) return undefined
  return `pages run in namespaces of their own, which need root and unshare: ${error?.message ?? stderr.trim()}`
}

/** Creates a folder for this test run, on the file system of the repository, so that hard links work. */
export function workFolder(): string {
  mkdirSync(join(top, '.cache'), { recursive: true })
  const folder = mkdtempSync(join(top, '.cache/docs-'))
  leftovers.folders.add(folder)
  return folder
}

/** Files that a clone does not contain, or that pages do not need. */
const NOT_CLONED = new Set(['node_modules', '.git', '.cache', 'test', 'bench'])

/**
 * Copies the repository with its build. If `packages` is true, also provides node_modules as after `npm ci`, with hard
 * links where possible.
 */
export function makeClone(folder: string, packages: boolean): void {
  mkdirSync(folder)
  const cloned = readdirSync(top).filter((name) => !NOT_CLONED.has(name))
  const plain = spawnSync('cp', ['-a', ...cloned.map((name) => join(top, name)), folder])
  if (plain.status !== 0) throw new Error(plain.stderr.toString())
  if (!packages) return
  // Copies the files if .cache is on another file system, where hard links to them are impossible.
  const copy = 'cp -al "$0" "$1" 2>/dev/null || cp -a "$0" "$1"'
  const { status, stderr } = spawnSync('sh', ['-c', copy, join(top, 'node_modules'), folder])
  if (status !== 0) throw new Error(stderr.toString())
}

/**
 * Creates folders with the programs that pages use.
 * @returns two values for PATH: `without` lacks reconfd, for a page that installs it; `all` has all programs
 */
export function makePrograms(folder: string): { without: string; all: string } {
  const script = join(top, 'test/docs/programs.mjs')
  const without = join(folder, 'programs')
  const { status, stderr } = spawnSync(process.execPath, [script, without], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  mkdirSync(join(folder, 'reconfd'))
  symlinkSync(join(top, 'dist/cli.js'), join(folder, 'reconfd/reconfd'))
  return { without, all: `${without}:${folder}/reconfd` }
}

export interface Outcome {
  readonly exit: number
  /** Standard output and standard error together. */
  readonly said: string
}

/** The shell that runs the commands of a page. */
export class Sandbox {
  readonly #child: ChildProcess
  readonly #commands: Writable
  readonly #codes: Readable
  readonly #folder: string
  #count = 0

  /**
   * @param folder the folder for the output files of commands
   * @param programs folders to put before Node and the usual folders in PATH
   * @param env further environment variables
   */
  constructor(folder: string, programs: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder
    const PATH = [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':')
    const script = join(top, 'test/docs/sandbox.sh')
    const child = spawn('unshare', [...namespaces, 'bash', script, programs], {
      cwd: folder,
      env: { PATH, LANG: 'C.UTF-8', ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'pipe', 'pipe'],
    })
    this.#child = child
    leftovers.children.add(child)
    child.once('exit', () => leftovers.children.delete(child))
    this.#commands = child.stdio[3] as Writable
    this.#codes = child.stdio[4] as Readable
    this.#codes.setEncoding('utf8')
    // Errors are ignored here, because `run` rejects if the shell has exited.
    for (const stream of [this.#commands, this.#codes]) stream.on('error', () => undefined)
  }

  /** Runs one command in the shell and waits until it has finished. */
  async run(command: string): Promise<Outcome> {
    const output = join(this.#folder, `output-${this.#count++}`)
    const answer = new Promise<string>((resolve, reject) => {
      const ended = (): void => reject(new Error(`the shell has ended at: ${command}`))
      this.#codes.once('close', ended)
      this.#codes.once('data', (code: string) => {
        this.#codes.off('close', ended)
        resolve(code)
      })
    })
    this.#commands.write(`${output}\0${command}\0`)
    const code = await within(`the end of: ${command}`, answer, 90_000)
    return { exit: parseInt(code), said: readFileSync(output, 'utf8') }
  }

  /** Kills the shell and all processes of the page. */
  async close(): Promise<void> {
    const exited = new Promise((exit) => this.#child.once('exit', exit))
    this.#commands.end()
    this.#child.kill('SIGKILL')
    await exited
  }
}
