// The result of a run.
import type { Fault } from './fault.ts'

/** Names of resources (their files in conf.d, such as `haproxy.toml`) by outcome. */
interface RunWork {
  /** Resources whose render, check, write or reload failed, or whose change is held. */
  readonly failed: readonly string[]
  /** Resources whose files were written, or would have been written without `noop`; each once. */
  readonly changed: readonly string[]
}

/**
 * How a run ended. A daemon ends when it cannot start, when it is stopped, or when its program in exec mode exits. A
 * onetime run ends by itself.
 *
 * - `done`: completed. `failed` is empty if all resources succeeded.
 * - `configuration`: could not start because of `faults`. Nothing was changed.
 * - `unreachable`: a onetime run could not read all stores in time. Resources of the readable stores were processed.
 * - `exited`: the program of exec mode has exited. `code` is its exit code, or 128 plus the number of the signal that
 *   killed it.
 * - `stopped`: a onetime run was stopped before it had read all keys. Files that need the other keys are unchanged.
 */
export type Ended =
  | ({ readonly kind: 'done' } & RunWork)
  | { readonly kind: 'configuration'; readonly faults: readonly Fault[] }
  | ({ readonly kind: 'unreachable'; readonly faults: readonly Fault[] } & RunWork)
  | { readonly kind: 'exited'; readonly code: number; readonly faults: readonly Fault[] }
  | { readonly kind: 'stopped' }
