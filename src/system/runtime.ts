// Where the runtimes differ: the bundle runs under Node, and in one file with Bun
// (scripts/executable.mjs).
import { readFileSync } from 'node:fs'

export const isBun = 'bun' in process.versions

/** How this program is started again. In one file, the script is a path inside of that file. */
export function selfCommand(): readonly string[] {
  const [runtime, script] = process.argv as [string, string]
  return isBun && script.startsWith('/$bunfs/') ? [process.execPath] : [runtime, script]
}

/**
 * Microseconds by the clock that systemd reads, CLOCK_MONOTONIC. In Bun hrtime counts from the start of
 * the program: there it is the time since the boot, which is ahead where the machine has slept, and by
 * up to 20 ms always. systemd only minds what is behind.
 */
export function monotonicTime(): bigint {
  if (!isBun) return process.hrtime.bigint() / 1000n
  const [uptime] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return BigInt(Math.round((Number(uptime) + 0.02) * 1e6))
}

/** Such as `node v20.19.2`. */
export const runtimeName = (): string =>
  isBun ? `bun ${process.versions['bun']}` : `node ${process.version}`

/** Such as `linux x64`. */
export const platformName = (): string => `${process.platform} ${process.arch}`
