// Exec mode: a program that reconfd starts, reloads and ends with. Its settings, and what it makes of resources.
// Times in milliseconds.
import { withReload, type Resource } from './resource.ts'

/** Such as `SIGTERM`. */
export type SignalName = `SIG${string}`

/** Which variables a program gets. Names may hold `*`. */
export interface EnvPolicy {
  /** Nothing is inherited. */
  readonly pristine: boolean
  /** `NAME=value`; given whatever the rest says. */
  readonly custom: readonly string[]
  /** Empty: all. */
  readonly allowlist: readonly string[]
  /** Precedes the allowlist. */
  readonly denylist: readonly string[]
}

/** `[exec]`, and the command behind `--`. */
export interface ExecSettings {
  /** Absent: `[exec]` names no command, and none is given. */
  readonly argv?: readonly [string, ...string[]]
  readonly env: EnvPolicy
  readonly user?: string
  readonly group?: string
  readonly reloadSignal?: SignalName
  readonly killSignal: SignalName
  readonly killTimeout: number
  /** A reload waits a random time up to this. */
  readonly splay: number
  /** A reload ends the program and starts it again. */
  readonly restartOnChange: boolean
  readonly restartOnExit: boolean
  /** After so many restarts in a row it is given up; 0: never. */
  readonly restartLimit: number
  readonly start: 'applied' | 'last-good'
  /** How long the start may be waited for; 0: for ever. */
  readonly startTimeout: number
  readonly forwardSignals: readonly SignalName[]
}

/** Stands for the reload of the program where commands have their text: in the journal, in status and log. */
export const EXEC = '[exec]'

/** From the start of the program until it has to handle reload_signal. */
export const STARTING = 10_000
/** How long it has to live after a reload that no verify_cmd judges. */
export const SETTLE = 1000

/** Whether resources that have no reload of their own reload the program. */
export const reloadsByDefault = ({ reloadSignal, restartOnChange }: ExecSettings): boolean =>
  reloadSignal !== undefined || restartOnChange

/** The resource with the program's reload as its own, where it is. */
export function withExec(resource: Resource, exec: ExecSettings): Resource {
  const hasOwn = resource.templates.some(({ reloadCmd }) => reloadCmd !== undefined)
  if (resource.reloadsExec !== true && (hasOwn || !reloadsByDefault(exec))) return resource
  return withReload(resource, EXEC, exec.killTimeout + STARTING + SETTLE, exec.splay)
}
