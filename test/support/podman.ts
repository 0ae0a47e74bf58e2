// Real containers: podman with its storage in a temporary folder, its API on a socket, and one image with busybox.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, copyFileSync, symlinkSync, mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leftovers } from './leftovers.ts'
import { until } from './until.ts'

const IMAGE = 'localhost/reconfd-test:1'
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']

/** Returns the reason why containers cannot run here, or undefined if they can. */
export function whyNoContainers(): string | undefined {
  if (process.getuid?.() !== 0) return 'containers need root here'
  for (const program of ['podman', 'runc', 'busybox']) {
    const found = spawnSync('sh', ['-c', `command -v ${program}`])
    if (found.status !== 0) return `${program} is not installed`
  }
  const podman = new Podman()
  try {
    podman.makeImage()
    podman.run('trial', [], ['/bin/true'])
    return undefined
  } catch (error) {
    return `podman cannot run a container: ${String(error).slice(0, 300)}`
  } finally {
    podman.close()
  }
}

export class Podman {
  readonly root = mkdtempSync(join(tmpdir(), 'reconfd-podman-'))
  readonly socket = join(this.root, 'p.sock')
  readonly url = `unix://${this.socket}`
  #service: ChildProcess | undefined

  static async start(): Promise<Podman> {
    const podman = new Podman()
    podman.makeImage()
    await podman.serve()
    return podman
  }

  /** Builds an image whose programs are links to busybox. */
  makeImage(): void {
    const files = join(this.root, 'files')
    for (const folder of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev', 'www']) {
      mkdirSync(join(files, folder), { recursive: true })
    }
    const busybox = spawnSync('sh', ['-c', 'command -v busybox']).stdout.toString().trim()
    copyFileSync(busybox, join(files, 'bin/busybox'))
    for (const name of ['sh', 'httpd', 'sleep', 'true', 'echo', 'cat', 'kill', 'test']) {
      symlinkSync('busybox', join(files, 'bin', name))
    }
    const command = `tar -C ${files} -c . | ${this.#words().join(' ')} import --change 'EXPOSE 80' - ${IMAGE}`
    const made = spawnSync('sh', ['-c', command], { encoding: 'utf8' })
    if (made.status !== 0) throw new Error(made.stderr)
  }

  /** Serves the API at `url`. */
  async serve(): Promise<void> {
    const [program, ...args] = this.#words('system', 'service', '--time', '0', this.url) as [string]
    rmSync(this.socket, { force: true })
    const service = spawn(program, args, { stdio: 'ignore' })
    leftovers.children.add(service)
    service.once('exit', () => leftovers.children.delete(service))
    this.#service = service
    await until('podman serves its API', () => existsSync(this.socket) && accepts(this.socket))
  }

  /** Kills the API service; the containers keep running. */
  async kill(): Promise<void> {
    const service = this.#service
    this.#service = undefined
    if (service === undefined || service.exitCode !== null) return
    const ended = new Promise((resolve) => service.once('exit', resolve))
    service.kill('SIGKILL')
    await ended
  }

  /** Starts a container. Without a command, it runs a web server on port 80 that serves the container's name. */
  run(name: string, options: readonly string[], command?: readonly string[]): void {
    const serve = `echo ${name} > /www/index.html; exec httpd -f -p 80 -h /www`
    const words = command ?? ['/bin/sh', '-c', serve]
    this.cli('run', '-d', '--name', name, ...LIMITS, ...options, IMAGE, ...words)
  }

  cli(...args: readonly string[]): string {
    const [program, ...words] = this.#words(...args) as [string]
    const ended = spawnSync(program, words, { encoding: 'utf8' })
    if (ended.status !== 0) throw new Error(`podman ${args.join(' ')}: ${ended.stderr}`)
    return ended.stdout.trim()
  }

  close(): void {
    spawnSync('sh', ['-c', `${this.#words('rm', '-fa', '-t', '0').join(' ')} >/dev/null 2>&1`])
    this.#service?.kill('SIGKILL')
    rmSync(this.root, { recursive: true, force: true })
  }

  #words(...args: readonly string[]): string[] {
    const places = ['--root', join(this.root, 'root'), '--runroot', join(this.root, 'run')]
    const how = ['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc']
    // Events go to a separate file, because all podman processes would share the systemd journal.
    const events = ['--events-backend', 'file', '--tmpdir', join(this.root, 'tmp')]
    return ['podman', ...how, ...places, ...events, ...args]
  }
}

function accepts(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (accepted: boolean) => (): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', end(true)).once('error', end(false))
  })
}
