// A small process that starts the commands of a daemon. To start a process Node copies the tables of all its
// memory, which takes milliseconds; a shell does it in a tenth of that. The helper is a shell too: each time
// it is asked it has one more shell wait for a command, in a session and process group of its own, so that
// nothing lies between a changed key and its reload. Everything is inherited: environment, umask, folder.
//
// A waiting shell has a socket of its own. It first writes its process id to it, then reads its command from
// it, and what the command prints goes there. Behind that the helper writes how the command has ended. All of
// them read from us, so they end with us, whatever ends us.
import type { spawn as Spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { constants } from 'node:os'
import { commandEnvironment } from '../system/command-environment.ts'
import { isBun } from '../system/runtime.ts'

/** How long after a command the next shell is asked for, in milliseconds. */
const PAUSE = 50
/** The longest that a shell takes to be there, in milliseconds. */
const READY_MOST = 1000
/** Not too long for one argument (128 KiB on Linux) in any encoding. */
const LONGEST = 32_000
/** The descriptors of sockets: a shell can name no more. A helper starts so many commands, then another one does. */
const SLOTS = [3, 4, 5, 6, 7, 8, 9]

// Without input, one pipe for both outputs, and messages of the shell as from `sh -c`. What a command takes for
// its parent is us; bash lets nobody tell it.
const WAITING = `[ -n "$BASH_VERSION" ] || PPID=${process.pid}; echo $$; IFS= read -r reconfd_command || exit; exec </dev/null 2>&1; eval "$reconfd_command"`

// Left of the pipe are those that are asked for later; right of it is one that waits in the foreground, since
// what a shell starts in the background ignores SIGINT and SIGQUIT.
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

export type Exit = readonly [exitCode: number | null, signal: string | null]

/** A command that runs. */
export interface Started {
  /** Of its shell, and of its process group. */
  readonly pid: number
  /** Takes what it prints from the begin on. Call it at once. */
  onOutput(take: (chunk: Buffer) => void): void
  /** The end of its shell. */
  readonly exit: Promise<Exit>
  /** Resolves when all that it printed was taken: by its exit, when the helper has started it. */
  readonly printed: Promise<void>
  /** Takes no more output. */
  close(): void
}

interface Helper {
  /** Has one more shell wait, or undefined when there is none left. */
  next(): Waiting | undefined
  readonly isCurrent: () => boolean
  end(): void
}

/** Undefined until a command was wanted: it takes Node a while to load. */
let spawn: typeof Spawn | undefined
/** How many runs of this process want commands to be started. */
let wanted = 0
let helper: Helper | undefined
let waiting: Waiting | undefined
let timer: NodeJS.Timeout | undefined
/** There is no setsid, or no shell. */
let isImpossible = isBun

/**
 * From here on there is a helper, for a daemon; it does not keep the program running.
 * @returns ends it, when no other run of this process wants it
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

/** Has the helper start a command. Undefined when there is none, or it cannot. */
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
  // Without setsid none can wait.
  isImpossible ||= shell.hasFailed
  drop()
  return undefined
}

function openHelper(start: typeof Spawn): Helper | undefined {
  // Not an argument: a command may print those of all processes.
  const mark = randomBytes(12).toString('hex')
  const environment = { ...process.env }
  const folder = process.cwd()
  let child
  try {
    child = start('/bin/sh', ['-c', HELPER, 'sh', ...SLOTS.map(String)], {
      detached: true, // a session of its own: what a terminal sends does not reach it
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

/** A copy first: each look at process.env itself is a call to the system. */
function isSame(a: NodeJS.ProcessEnv, now: NodeJS.ProcessEnv): boolean {
  const b = { ...now }
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name])
}

/** A shell that waits for its command, and from then on the command. */
class Waiting {
  #pid: number | undefined
  #wake: () => void = () => undefined
  #take: (chunk: Buffer) => void = () => undefined
  /** What may yet be the begin of the mark, or of the process id. */
  #rest: Buffer = Buffer.alloc(0)
  #exit: Exit | undefined

  /** @param mark stands before the exit code, behind all that the command has printed */
  constructor(
    private readonly socket: Socket,
    private readonly mark: string,
  ) {
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.once('close', () => this.#end([null, 'SIGKILL']))
  }

  /** False when it was killed while it waited. */
  get isUsable(): boolean {
    return this.#exit === undefined
  }

  /** The helper has seen the end of it before it could wait. */
  get hasFailed(): boolean {
    return this.#pid === undefined && this.#exit !== undefined && !this.socket.destroyed
  }

  /** Its process id; undefined when it does not come to wait. */
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
    const exit = new Promise<Exit>((resolve) => {
      this.#wake = () => resolve(this.#exit as Exit)
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
    if (status !== null) this.#end(exitOf(Number(status[1])))
  }

  #end(exit: Exit): void {
    if (this.#exit !== undefined) return
    this.#exit = exit
    this.socket.unref()
    this.#wake()
  }
}

const SIGNALS = new Map<number, string>(
  Object.entries(constants.signals).map(([name, number]) => [number, name]),
)

/** As shells tell it: 128+n when signal n has ended the command. */
function exitOf(status: number): Exit {
  const signal = SIGNALS.get(status - 128)
  return signal === undefined ? [status, null] : [null, signal]
}
