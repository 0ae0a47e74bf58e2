// The settings of exec mode, in which reconfd starts and supervises a program, and their effect on resources.
// Times are in milliseconds.
import { withReload, type Resource } from './resource.ts'

/** Such as `SIGTERM`. */
export type SignalName = `SIG${string}`

/** The environment of the program. Names in `allowlist` and `denylist` may contain `*`. */
export interface EnvPolicy {
  /** Inherit nothing. */
  readonly pristine: boolean
  /** Variables as `NAME=value`, which are always set. */
  readonly custom: readonly string[]
  /** Variables to inherit; if empty, all variables are inherited. */
  readonly allowlist: readonly string[]
  /** Variables that are not inherited, even if they are in the allowlist. */
  readonly denylist: readonly string[]
}

/** `[exec]`, and the command after `--`. */
export interface ExecSettings {
  /** Absent if neither `[exec]` nor the command line contains a command. */
  readonly argv?: readonly [string, ...string[]]
  readonly env: EnvPolicy
  readonly user?: string
  readonly group?: string
  readonly reloadSignal?: SignalName
  readonly killSignal: SignalName
  readonly killTimeout: number
  /** Maximum random delay of a reload. */
  readonly splay: number
  /** Whether a reload restarts the program. */
  readonly restartOnChange: boolean
  readonly restartOnExit: boolean
  /** Consecutive restarts before giving up; 0: no limit. */
  readonly restartLimit: number
  readonly start: 'applied' | 'last-good'
  /** Maximum wait for the start; 0: no limit. */
  readonly startTimeout: number
  readonly forwardSignals: readonly SignalName[]
}

/** Stands for the reload of the program wherever the journal, the status or the log contains a command. */
export const EXEC = '[exec]'

/** Time after the start within which the program must handle reload_signal. */
export const STARTING = 10_000
/** How long the program must survive a reload for the reload to succeed, if there is no verify_cmd. */
export const SURVIVAL = 1000

/** Whether resources without a reload command reload the program. */
export const reloadsByDefault = ({ reloadSignal, restartOnChange }: ExecSettings): boolean =>
  reloadSignal !== undefined || restartOnChange

/** Adds the reload of the program to the templates of a resource, if the resource reloads the program. */
export function withExec(resource: Resource, exec: ExecSettings): Resource {
  const hasOwn = resource.templates.some(({ reloadCmd }) => reloadCmd !== undefined)
  if (resource.reloadsExec !== true && (hasOwn || !reloadsByDefault(exec))) return resource
  return withReload(resource, EXEC, exec.killTimeout + STARTING + SURVIVAL, exec.splay)
}
