// A shell that is started before it is needed and waits for its command. To start a process Node copies
// the tables of all its memory, some 0.1 ms for each MB: that is not to lie between a changed key and
// its reload, so it is done while there is nothing else to do.
import type { ChildProcess, spawn as Spawn } from 'node:child_process'
import { commandEnvironment } from '../system/command-environment.ts'

/** How long after a command the next shell is started, in milliseconds. */
const PAUSE = 50

// It reads its command as one line, then is as any other shell: without input, one pipe for both
// outputs. When nobody has a command for it any more, the daemon being gone, it ends by itself.
const WAITING =
  'IFS= read -r reconfd_command || exit; exec </dev/null 2>&1; eval "$reconfd_command"'

export type Shell = ChildProcess & { readonly pid: number }

/** There once a shell was wanted: it takes Node a while to load. */
let spawn: typeof Spawn | undefined
/** How many runs of this process want one. */
let wanted = 0
let waiting: Shell | undefined
let timer: NodeJS.Timeout | undefined

/**
 * From here on there is one, for a daemon; it does not keep the program running.
 * @returns ends it, when no other run of this process wants it
 */
export async function keepShellWarm(): Promise<() => void> {
  wanted++
  spawn ??= (await import('node:child_process')).spawn
  prepare()
  let held = true
  return () => {
    if (held) wanted--
    held = false
    if (wanted === 0) drop()
  }
}

function drop(): void {
  clearTimeout(timer)
  waiting?.stdin?.end()
  waiting = undefined
}

/** The shell that was waiting, at work on the command; undefined when there is none, or it cannot take it. */
export function takeShell(command: string): Shell | undefined {
  const shell = waiting
  if (shell === undefined || /[\n\0]/.test(command)) return undefined
  waiting = undefined
  shell.removeAllListeners()
  setReferenced(shell, true)
  shell.stdin?.end(`${command}\n`)
  clearTimeout(timer)
  timer = setTimeout(prepare, PAUSE).unref()
  return shell
}

function prepare(): void {
  if (wanted === 0 || waiting !== undefined || spawn === undefined) return
  let shell: ChildProcess
  try {
    shell = spawn('/bin/sh', ['-c', WAITING, 'sh'], {
      detached: true, // setsid: the group can be signalled as a whole
      stdio: ['pipe', 'pipe', 'ignore'],
      env: commandEnvironment(),
    })
  } catch {
    return
  }
  // Whoever needs a command run and finds no shell starts one, and learns why that fails.
  const gone = (): void => {
    if (waiting === shell) waiting = undefined
  }
  shell.on('error', gone).on('exit', gone)
  shell.stdin?.on('error', gone)
  if (shell.pid === undefined) return
  setReferenced(shell, false)
  waiting = shell as Shell
}

function setReferenced(shell: ChildProcess, referenced: boolean): void {
  const act = referenced ? 'ref' : 'unref'
  shell[act]()
  for (const stream of [shell.stdin, shell.stdout]) {
    // In Node pipes to a child are sockets, though the types do not say so. In Bun the one to write
    // to is none, and keeps nothing running.
    ;(stream as Partial<Record<typeof act, () => void>> | null)?.[act]?.()
  }
}
