// Mounts for tests: small file systems, and files that are mount points. Needs root.
import { spawnSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'

/** The reason why tests that mount cannot run here. Undefined for root, who is expected to be able to mount. */
export const cannotMount =
  process.getuid?.() === 0 ? undefined : 'only root can mount file systems: run the tests as root'

const mounted = new Set<string>()
process.once('exit', () => {
  for (const path of mounted) spawnSync('umount', ['-l', path])
})

function mount(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('mount', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`mount ${args.join(' ')}: ${stderr}`)
}

/** Creates a folder and mounts an empty in-memory file system of this many KB there. */
export function mountSmall(folder: string, kilobytes: number): void {
  mkdirSync(folder, { recursive: true })
  mount('-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', folder)
  mounted.add(folder)
}

export function remount(folder: string, how: 'ro' | 'rw'): void {
  mount('-o', `remount,${how}`, folder)
}

/** Makes one file a mount point that shows another, as `docker -v file:file` does. */
export function bind(source: string, target: string): void {
  mount('--bind', source, target)
  mounted.add(target)
}

export function unmount(path: string): void {
  spawnSync('umount', ['-l', path])
  mounted.delete(path)
}
