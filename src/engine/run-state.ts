// Opens the parts of the state directory that a run needs. With -noop, nothing is recorded. In a run without reloads,
// no debt is recorded.
import { statusPath } from '../control/paths.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import type { FullStatus } from '../core/status.ts'
import { Accepted } from '../state/accepted.ts'
import { HeldKeys } from '../state/held-keys.ts'
import { noFolder, stateFolder, type StateFolder } from '../state/folder.ts'
import { noJournal, openJournal, type Journal, type OpenedJournal } from '../state/journal.ts'
import { Notes } from '../state/notes.ts'
import { openManifest, type Manifest } from '../state/manifest.ts'
import { Records } from '../state/records.ts'
import { readStatus } from '../state/status-file.ts'

export interface RunState {
  readonly journal: Journal
  readonly damage?: OpenedJournal['damage']
  readonly records: Records
  readonly manifest: Manifest
  readonly accepted: Accepted
  readonly heldKeys: HeldKeys
  /** Notes about the files that HAProxy has loaded. */
  readonly loaded: Notes
  readonly folder: StateFolder
  /** Status of the last run; undefined if it cannot be read. */
  readonly readStatus: () => Promise<FullStatus | undefined>
}

export async function openState(settings: Settings, emit: Emit): Promise<Result<RunState, Fault>> {
  const { stateDir, confdir, noop, syncOnly, noReload } = settings
  const records = new Records(stateDir, confdir, !noop)
  const manifest = openManifest(stateDir, confdir)
  const accepted = new Accepted(stateDir, confdir)
  // A run without reloads neither records debts nor settles those of another run.
  const opened =
    noop || syncOnly || noReload ? ok({ journal: noJournal }) : await openJournal(stateDir, confdir)
  if (!opened.ok) return opened
  const { journal } = opened.value
  const heldKeys = new HeldKeys(stateDir, confdir, !noop)
  const folder = noop
    ? noFolder
    : stateFolder(stateDir, journal, [records, manifest, heldKeys], emit)
  const path = statusPath(settings)
  return ok({
    ...opened.value,
    records,
    manifest,
    accepted,
    heldKeys,
    loaded: new Notes(stateDir, confdir, 'haproxy'),
    folder,
    readStatus: () => readStatus(path).catch(() => undefined),
  })
}
