// A helper process that starts the commands of a daemon. When Node forks, the kernel copies the page tables of Node's
// whole memory, which takes milliseconds; forking a shell takes a tenth of that. The helper is a shell. On request,
// it starts another shell, in a session and process group of its own, which waits for a command; so a reload does not
// wait for a fork. The shells inherit the daemon's environment, umask and working directory.
//
// Each waiting shell has its own socket. It writes its process id to the socket, reads its command, and then writes the
// command's output. After the output, the helper writes the exit status. The helper and the waiting shells read from
// the daemon, so they exit when the daemon exits, even if it is killed.
import type { spawn as Spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { commandEnvironment } from '../system/command-environment.ts'
import { isBun } from '../system/runtime.ts'

/** Delay after a command before the next shell is requested, in milliseconds. */
const PAUSE = 50
/** Longest time for a shell to start, in milliseconds. */
const READY_MOST = 1000
/** Maximum characters of a command; they fit into one argument (128 KiB on Linux) in any encoding. */
const LONGEST = 32_000
/**
 * Descriptors of the sockets; dash supports no descriptor above 9. Each socket serves one command; after the last one,
 * a new helper is started.
 */
const SLOTS = [3, 4, 5, 6, 7, 8, 9]

// The command gets no input, and both of its outputs go to the socket. The shell's error messages are those of `sh -c`.
// $PPID is set to the daemon's process id, except in bash, where it is read-only.
const WAITING = `[ -n "$BASH_VERSION" ] || PPID=${process.pid}; echo $$; IFS= read -r reconfd_command || exit; exec </dev/null 2>&1; eval "$reconfd_command"`

// The left side of the pipe starts the later shells. The right side runs in the foreground, because background
// processes of a shell ignore SIGINT and SIGQUIT.
const HELPER = `
serve() {
  read -r _ || exit
  { shift; [ $# -eq 0 ] || serve "$@"; } | one "$1"
}
one() {
  eval "exec <&$1"
  exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  setsid /bin/sh -c '${WAITING}' sh >&0
  echo "$mark $?" >&0
}
IFS= read -r mark
serve "$@"`

export type ShellExit = readonly [exitCode: number | null, signal: string | null]

/** A running command. */
export interface Started {
  /** The process id of the command's shell, which is also the id of its process group. */
  readonly pid: number
  /** Sets the receiver of the output. Call it immediately, so that no output is missed. */
  onOutput(take: (chunk: Buffer) => void): void
  /** Resolves when the command's shell has exited. */
  readonly exit: Promise<ShellExit>
  /** Resolves when all output has been received. With the helper, this is when the shell exits. */
  readonly printed: Promise<void>
  /** Stops receiving output. */
  close(): void
}

interface Helper {
  /** Starts another waiting shell; undefined if no socket is left. */
  next(): Waiting | undefined
  readonly isCurrent: () => boolean
  end(): void
}

/** Loaded on demand: node:child_process takes a while to load. */
let spawn: typeof Spawn | undefined
/** The number of runs in this process that use the helper. */
let wanted = 0
let helper: Helper | undefined
let waiting: Waiting | undefined
let timer: NodeJS.Timeout | undefined
/** True under Bun, or if setsid or /bin/sh is missing: then there is no helper. */
let isImpossible = isBun

/**
 * Starts a helper for a daemon. The helper does not keep this process alive.
 * @returns a function that stops the helper, unless another run in this process uses it
 */
export async function keepSpawner(): Promise<() => void> {
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
  waiting?.close()
  helper?.end()
  waiting = helper = undefined
}

function prepare(): void {
  if (wanted === 0 || isImpossible || spawn === undefined || waiting?.isUsable === true) return
  waiting = helper?.next()
  if (waiting !== undefined) return
  helper?.end()
  helper = openHelper(spawn)
  waiting = helper?.next()
}

/**
 * Starts a command with the helper. Returns undefined if there is no helper, or if the helper cannot start this
 * command.
 */
export async function startByHelper(command: string): Promise<Started | undefined> {
  if (command.length > LONGEST || /[\n\0]/.test(command)) return undefined
  if (helper?.isCurrent() === false) drop()
  prepare()
  const shell = waiting
  if (shell === undefined) return undefined
  waiting = undefined
  clearTimeout(timer)
  timer = setTimeout(prepare, PAUSE).unref()
  const pid = await shell.ready()
  if (pid !== undefined) return shell.run(pid, command)
  // Without setsid, no waiting shell can be started.
  isImpossible ||= shell.hasFailed
  drop()
  return undefined
}

function openHelper(start: typeof Spawn): Helper | undefined {
  // The mark is not passed as an argument, because a command could print the arguments of all processes.
  const mark = randomBytes(12).toString('hex')
  const environment = { ...process.env }
  const folder = process.cwd()
  let child
  try {
    child = start('/bin/sh', ['-c', HELPER, 'sh', ...SLOTS.map(String)], {
      detached: true, // its own session: the terminal's signals do not reach it
      stdio: ['pipe', 'ignore', 'ignore', ...SLOTS.map(() => 'pipe' as const)],
      env: commandEnvironment(environment),
    })
  } catch {
    return undefined
  }
  child.on('error', () => (isImpossible = true))
  child.unref()
  const control = child.stdin as Socket | null
  control?.on('error', () => undefined)
  control?.unref()
  const sockets = SLOTS.map((slot) => child.stdio[slot] as unknown as Socket | null)
  if (child.pid === undefined || control === null || sockets.includes(null)) return undefined
  for (const socket of sockets) socket?.on('error', () => undefined).unref()
  control.write(`${mark}\n`)
  return {
    next() {
      const socket = sockets.shift()
      if (socket === undefined || socket === null || !control.writable) return undefined
      control.write('\n')
      return new Waiting(socket, mark)
    },
    isCurrent: () => folder === process.cwd() && isSame(environment, process.env),
    end() {
      control.end()
      for (const socket of sockets.splice(0)) socket?.destroy()
    },
  }
}

/** Copies process.env first, because every access to it is a call into the runtime. */
function isSame(a: NodeJS.ProcessEnv, now: NodeJS.ProcessEnv): boolean {
  const b = { ...now }
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** A shell: idle until run() passes a command to it, then the process of that command. */
class Waiting {
  #pid: number | undefined
  #wake: () => void = () => undefined
  #take: (chunk: Buffer) => void = () => undefined
  /** Bytes that may be the beginning of the mark or of the process id. */
  #rest: Buffer = Buffer.alloc(0)
  #exit: ShellExit | undefined

  /** @param mark the string between the output of the command and its exit status */
  constructor(
    private readonly socket: Socket,
    private readonly mark: string,
  ) {
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.once('close', () => this.#end([null, 'SIGKILL']))
  }

  /** False if the shell has exited. */
  get isUsable(): boolean {
    return this.#exit === undefined
  }

  /** Whether the shell exited before it could wait. */
  get hasFailed(): boolean {
    return this.#pid === undefined && this.#exit !== undefined && !this.socket.destroyed
  }

  /** Resolves with the process id of the shell, or with undefined if the shell did not start in time. */
  async ready(): Promise<number | undefined> {
    if (this.#pid === undefined && this.isUsable) {
      let timeout: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
        timeout = setTimeout(resolve, READY_MOST)
      })
      clearTimeout(timeout)
    }
    return this.isUsable ? this.#pid : undefined
  }

  run(pid: number, command: string): Started {
    const { socket } = this
    socket.ref()
    socket.write(`${command}\n`)
    const exit = new Promise<ShellExit>((resolve) => {
      this.#wake = () => resolve(this.#exit as ShellExit)
      if (!this.isUsable) this.#wake()
    })
    return {
      pid,
      onOutput: (take) => (this.#take = take),
      exit,
      printed: exit.then(() => undefined),
      close: () => this.close(),
    }
  }

  close(): void {
    this.socket.destroy()
  }

  #read(chunk: Buffer): void {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    if (this.#pid === undefined) {
      const line = /^(\d+)\n/.exec(bytes.toString('latin1'))
      if (line !== null) {
        this.#pid = Number(line[1])
        bytes = bytes.subarray(line[0].length)
        this.#wake()
      }
    }
    const at = bytes.indexOf(this.mark)
    const status = at < 0 ? null : /^ (\d+)\n/.exec(bytes.toString('latin1', at + this.mark.length))
    const known = at < 0 ? Math.max(0, bytes.length - this.mark.length) : at
    if (this.#pid !== undefined && known > 0) this.#take(bytes.subarray(0, known))
    this.#rest = this.#pid === undefined ? bytes : bytes.subarray(known)
    // The shell reports 128+n both for termination by signal n and for exit code 128+n.
    if (status !== null) this.#end([Number(status[1]), null])
  }

  #end(exit: ShellExit): void {
    if (this.#exit !== undefined) return
    this.#exit = exit
    this.socket.unref()
    this.#wake()
  }
}
