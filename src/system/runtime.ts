// Where the runtimes differ: the bundle runs under Node, and in one file with Bun
// (scripts/executable.mjs).
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'

const isBun = 'bun' in process.versions

/** How this program is started anew. In one file, the script is a path inside of that file. */
export function selfCommand(): readonly string[] {
  const [runtime, script] = process.argv as [string, string]
  return isBun && script.startsWith('/$bunfs/') ? [process.execPath] : [runtime, script]
}

/**
 * What `ps` shows from here on. Bun's `process.title` is known to nobody else. Where the system does not
 * allow it, `ps` goes on to show what it did.
 */
export function setTitle(title: string): void {
  if (!isBun) {
    process.title = title
    return
  }
  try {
    overwriteArguments(title)
  } catch {
    // No /proc, or a hardened one: nothing that the program could not work with.
  }
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

/** As Node does it too: the words that the program was started with are memory of its own. */
function overwriteArguments(text: string): void {
  const stat = readFileSync('/proc/self/stat', 'latin1')
  // Counted from behind the name, which may hold anything: proc(5) has them as 48 and 49 of all.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [start, end] = [Number(fields[45]), Number(fields[46])]
  const bytes = Buffer.alloc(end - start)
  // The last byte stays zero: else `ps` reads on.
  bytes.write(text, 0, bytes.length - 1)
  const memory = openSync('/proc/self/mem', 'r+')
  try {
    writeSync(memory, bytes, 0, bytes.length, start)
  } finally {
    closeSync(memory)
  }
}
