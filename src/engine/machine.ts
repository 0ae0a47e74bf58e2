// What the engine does to the machine, in one interface: the real one here, a simulated one in the
// interleaving test. Everything above it only decides.
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
  /** What stands at a destination. */
  observe(dest: string, rules?: ObserveRules): Promise<Observed>
  /** Stages and checks new contents; nothing is in place yet. */
  prepare(changes: readonly FileChange[], options: ApplyOptions): Promise<Prepared>
  /** Puts former contents back, each file whole. Returns which could not be put back. */
  restore(files: readonly RestoredFile[]): Promise<Fault | undefined>
  groupCheck(command: TimedCommand): Promise<Checked>
  /** Runs a reload command and what verifies it. Never rejects. */
  reload(command: string, terms: RunTerms): Promise<ReloadRun>
  /** Runs what verifies a reload. The first failure; never rejects. */
  verify(terms: RunTerms): Promise<ReloadRun | undefined>
  /** Whether what a reload tells runs: the program of exec mode may have to be started. */
  isRunning(command: string): boolean
  /** Checks contents in a folder apart. */
  tryFiles(files: readonly TriedFile[], emit: Emit): Promise<TrialFailed | undefined>
}

export interface ReloadRun {
  /** Of the reload command, or of the verification that failed. */
  readonly result: CommandResult
  /** Absent when it succeeded. */
  readonly fault?: Fault
  /** The command did not run, since running processes were changed. */
  readonly runtime?: readonly string[]
  /** Why they were not. */
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
