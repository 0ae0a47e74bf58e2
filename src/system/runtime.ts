// Differences between the runtimes: Node for the bundle, Bun in the single executable (scripts/executable.mjs).
import { readFileSync } from 'node:fs'

export const isBun = 'bun' in process.versions

/** The command that starts this program again. In the single executable, the script is a path inside the executable. */
export function selfCommand(): readonly string[] {
  const [runtime, script] = process.argv as [string, string]
  return isBun && script.startsWith('/$bunfs/') ? [process.execPath] : [runtime, script]
}

/**
 * Microseconds of CLOCK_MONOTONIC, as systemd expects. Bun's hrtime counts from the start of the program, so under Bun
 * the system's uptime is used. The uptime is ahead by up to 20 ms and by the time spent in suspend, but systemd rejects
 * only a time in the past.
 */
export function monotonicTime(): bigint {
  if (!isBun) return process.hrtime.bigint() / 1000n
  const [uptime] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return BigInt(Math.round((Number(uptime) + 0.02) * 1e6))
}

/** The name and version of the runtime, such as `node v20.19.2`. */
export const runtimeName = (): string =>
  isBun ? `bun ${process.versions['bun']}` : `node ${process.version}`

/** The operating system and the processor, such as `linux x64`. */
export const platformName = (): string => `${process.platform} ${process.arch}`

/**
 * Makes V8 save memory in a program that runs for a long time and is mostly idle:
 *
 * - The young generation keeps its initial size, 1 MiB. With 10,000 keys, V8 would let it grow to 16 MiB and collect
 *   garbage less often, without using less CPU time.
 * - Code is compiled to machine code only after ten times the usual number of runs. Machine code takes several times
 *   the memory of bytecode, and few functions of a daemon run so often that compiling them saves CPU time.
 *
 * Bun ignores V8's flags; scripts/executable.mjs sets the threshold for the single executable.
 */
export async function saveMemory(): Promise<void> {
  if (isBun) return
  const { setFlagsFromString } = await import('node:v8')
  const version = Number.parseInt(process.versions.v8, 10)
  const thresholds =
    version < 12
      ? ['--interrupt-budget=1350000']
      : ['--invocation-count-for-maglev=4000', '--invocation-count-for-turbofan=30000']
  for (const flag of ['--semi-space-growth-factor=1', '--no-sparkplug', ...thresholds])
    setFlagsFromString(flag)
}
