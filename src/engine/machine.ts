// The engine's only access to the machine. The interleaving test replaces it with a simulation.
import { prepareFiles, type ApplyOptions, type FileChange, type Prepared } from '../apply/apply.ts'
import { groupCheck, type Checked } from '../apply/check.ts'
import { observe, type ObserveRules } from '../apply/observe.ts'
import { runReload, runVerification } from '../apply/reload.ts'
import { tryFiles, type TrialFailed, type TriedFile } from '../apply/trial.ts'
import { restoreFiles, type RestoredFile } from '../apply/undo.ts'
import type { CommandResult, Emit, Fallback } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { Observed } from '../core/plan.ts'
import type { RunTerms } from '../core/reload.ts'
import type { TimedCommand } from '../core/resource.ts'

export interface Machine {
  /** Reads a destination. */
  observe(dest: string, rules?: ObserveRules): Promise<Observed>
  /** Stages and checks the files of these changes without placing them. */
  prepare(changes: readonly FileChange[], options: ApplyOptions): Promise<Prepared>
  /**
   * Restores the previous content of each file atomically. Returns a fault that names the files that could not be
   * restored.
   */
  restore(files: readonly RestoredFile[]): Promise<Fault | undefined>
  groupCheck(command: TimedCommand): Promise<Checked>
  /** Runs a reload command and its verifications. Never rejects. */
  reload(command: string, terms: RunTerms): Promise<ReloadRun>
  /** Runs the verifications of a reload. Resolves with the first failure; never rejects. */
  verify(terms: RunTerms): Promise<ReloadRun | undefined>
  /** False for the reload `[exec]` while the program is not running. A reload then starts the program. */
  isRunning(command: string): boolean
  /** Checks rendered files in a temporary folder. */
  tryFiles(files: readonly TriedFile[], emit: Emit): Promise<TrialFailed | undefined>
}

export interface ReloadRun {
  /** Result of the reload command, or of the verification that failed. */
  readonly result: CommandResult
  /** Absent on success. */
  readonly fault?: Fault
  /** The changes made to running HAProxy processes instead of running the command. */
  readonly runtime?: readonly string[]
  /** The reason why running HAProxy processes could not be changed. */
  readonly fallback?: Fallback
}

export const realMachine: Machine = {
  observe,
  prepare: prepareFiles,
  restore: restoreFiles,
  groupCheck,
  reload: runReload,
  isRunning: () => true,
  verify: runVerification,
  tryFiles,
}
