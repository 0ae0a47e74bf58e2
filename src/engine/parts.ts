// The dependencies of the engine's steps. daemon.ts creates them once for each run.
import type { Claims } from '../core/claims.ts'
import type { Clock } from '../core/clock.ts'
import type { Emit } from '../core/event.ts'
import type { PlannedFile, WrittenFile } from '../core/written.ts'
import type { Accepted } from '../state/accepted.ts'
import type { Manifest } from '../state/manifest.ts'
import type { Runtime } from '../haproxy/runtime.ts'
import type { Memory } from '../state/records.ts'
import type { StateFolder } from '../state/folder.ts'
import type { ProcessId } from '../system/process.ts'
import type { Desk } from './desk.ts'
import type { KeptKeys } from './kept-keys.ts'
import type { Machine } from './machine.ts'

export interface Parts {
  readonly machine: Machine
  readonly clock: Clock
  readonly desk: Desk
  readonly memory: Memory
  readonly manifest: Manifest
  readonly accepted: Pick<Accepted, 'forget'>
  readonly kept: KeptKeys
  readonly state: StateFolder
  readonly claims: Claims
  readonly emit: Emit
  readonly self: ProcessId
  readonly mode: Mode
  /** Returns the client for the Runtime API of HAProxy; its code is loaded on first use. */
  readonly runtime: () => Promise<Runtime>
  /** Receives each planned write with its content: for `-diff`, never for a log. */
  readonly showPlan: (file: PlannedFile) => void
  /** Receives placed files with their content, for the status page. */
  readonly showWritten: (files: readonly WrittenFile[]) => void
}

export interface Mode {
  readonly noop: boolean
  /**
   * With noop: the files to check with output_format and check_cmd, in a temporary folder. `changes`: only new files
   * and files with new content. `all`: all files, without comparing them with their destinations.
   */
  readonly trial?: 'changes' | 'all' | undefined
  readonly keepStageFile: boolean
}
