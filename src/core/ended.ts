// How a run ended.
import type { Fault } from './fault.ts'

/** What a run has done, by the names of the resources (their files in conf.d, such as `haproxy.toml`). */
interface Work {
  /** Those that are not as they should be: a render, check, write or reload failed, or a guard holds them. */
  readonly failed: readonly string[]
  /** Those whose files were written, each once; with `noop`, would be. */
  readonly changed: readonly string[]
}

/**
 * How a run ended. A daemon ends when it is stopped, or when it cannot begin; a onetime run by itself.
 *
 * - `done`: to its end. `failed` is empty when all is well.
 * - `configuration`: it could not begin; all that is wrong is in `faults`. Nothing was touched.
 * - `unreachable`: a onetime run could not read all of its stores in time. What those hold that could
 *   be read has been worked off.
 * - `exited`: the program of exec mode has ended, and the run with it; `code` as shells have it
 * - `stopped`: a onetime run was stopped before it had seen all keys; what is made of those was not touched.
 */
export type Ended =
  | ({ readonly kind: 'done' } & Work)
  | { readonly kind: 'configuration'; readonly faults: readonly Fault[] }
  | ({ readonly kind: 'unreachable'; readonly faults: readonly Fault[] } & Work)
  | { readonly kind: 'exited'; readonly code: number; readonly faults: readonly Fault[] }
  | { readonly kind: 'stopped' }
