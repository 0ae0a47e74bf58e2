// The processes and folders that a failed test leaves behind. When the test process exits, it kills these processes and
// removes these folders.
import type { ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'

export const leftovers = { children: new Set<ChildProcess>(), folders: new Set<string>() }

function clear(): void {
  for (const child of leftovers.children) child.kill('SIGKILL')
  for (const folder of leftovers.folders) rmSync(folder, { recursive: true, force: true })
}

process.once('exit', clear)
// Vitest stops its workers with SIGTERM. Without a handler for the signal, Node would not emit `exit`.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.once(signal, () => {
    clear()
    process.kill(process.pid, signal)
  })
}
