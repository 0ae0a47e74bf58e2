// Answers requests when no daemon is running: from the status file of the last run, and from the journal of owed
// reloads, which is always up to date.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import {
  nothingHeldMessage,
  resourceNamed,
  type ControlResponse,
  type ControlRequest,
} from '../core/control.ts'
import { errnoOf, ioFault } from '../core/errno.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { summaryOf, worstFirst, type FullStatus, type ResourceHistory } from '../core/status.ts'
import { Accepted } from '../state/accepted.ts'
import { openJournal, type Owed } from '../state/journal.ts'
import { awaitsConsent, Records } from '../state/records.ts'
import { statusPath } from './paths.ts'
import { readStatus } from '../state/status-file.ts'

/** Answers a request. Fails with kind `io` if the state directory contains no status, or the request needs a daemon. */
export async function answerOffline(
  question: ControlRequest,
  settings: Settings,
): Promise<Result<ControlResponse, Fault>> {
  const { command, resource: wanted = '' } = question
  if (command === 'resync' || command === 'reload') {
    const hint =
      command === 'reload'
        ? 'run reconfd with -onetime to run owed reloads, or run the reload command by hand'
        : 'run reconfd with -onetime to read and compare everything'
    return err(noDaemon(settings, hint))
  }
  const kept = await readKept(settings)
  if (!kept.ok) return kept
  const status = kept.value
  if (command === 'accept') return accept(wanted, status, settings)
  if (status === undefined) {
    return err(
      noDaemon(
        settings,
        `start reconfd: ${settings.stateDir} contains no status of an earlier run either`,
      ),
    )
  }
  if (command === 'status') return ok({ kind: 'status', status: summaryOf(status) })
  const history = resourceNamed(wanted, status.resources)
  if (history === undefined) return ok(unknown(wanted, status))
  return ok({ kind: 'history', history, at: status.at })
}

const unknown = (name: string, status: FullStatus | undefined): ControlResponse => {
  const known = (status?.resources ?? []).map((one) => one.name).sort()
  return { kind: 'unknown-resource', name, known }
}

const noDaemon = ({ confdir, stateDir }: Settings, hint: string): Fault => ({
  kind: 'io',
  message: `no daemon is running with -confdir ${confdir} and -state-dir ${stateDir}`,
  hint,
})

/** The status file, corrected by the journal; undefined when both are missing. */
async function readKept(settings: Settings): Promise<Result<FullStatus | undefined, Fault>> {
  const { stateDir, confdir } = settings
  const opened = await openJournal(stateDir, confdir)
  if (!opened.ok) return opened
  const { owed } = opened.value.journal
  try {
    const status = await readStatus(statusPath(settings))
    if (status === undefined) return ok(owed.size === 0 ? undefined : fromJournal(owed))
    const resources = status.resources.map((one) => withOwed(one, owed.get(one.name), status.at))
    return ok({ ...status, resources: worstFirst(resources) })
  } catch (error) {
    const hint =
      errnoOf(error) === 'EACCES' ? 'run this as the user that runs reconfd, or as root' : undefined
    return err(ioFault(`cannot read the status in ${stateDir}`, error, hint))
  }
}

/** Corrects a status with the journal, which is newer than the status file and decides whether a reload is owed. */
function withOwed(resource: ResourceHistory, owed: Owed | undefined, at: string): ResourceHistory {
  const rest: ResourceHistory & { owedSince?: string } = { ...resource }
  delete rest.owedSince
  const owedWhy = 'reload is owed'
  const { state, why = owedWhy } = rest
  if (owed !== undefined) {
    const owedSince = new Date(owed.since).toISOString()
    if (state === 'failed' || state === 'held') return { ...rest, owedSince }
    // Without a daemon, nothing happens at the time that the last one has planned.
    const planned = /, next try at \d[^ ]*Z/
    const reason = state === 'owed' ? why.replace(planned, ', next try at the next start') : owedWhy
    return { ...rest, state: 'owed', since: owedSince, why: reason, owedSince }
  }
  if (state !== 'owed') return rest
  const settled: ResourceHistory & { why?: string } = { ...rest, state: 'in sync', since: at }
  delete settled.why
  return settled
}

/** Builds a status from the journal alone. */
function fromJournal(owed: ReadonlyMap<string, Owed>): FullStatus {
  const resources = [...owed].map(([name, { since }]): ResourceHistory => {
    const owedSince = new Date(since).toISOString()
    const why = 'reload is owed'
    return { name, state: 'owed', since: owedSince, why, owedSince, hashes: {}, changes: [] }
  })
  const at = new Date(Math.max(...[...owed.values()].map(({ since }) => since))).toISOString()
  return { version: '', pid: 0, started: at, at, stores: [], resources: worstFirst(resources) }
}

/** Records that the held content was accepted, so that the next run applies exactly this change. */
async function accept(
  wanted: string,
  status: FullStatus | undefined,
  { stateDir, confdir }: Settings,
): Promise<Result<ControlResponse, Fault>> {
  const isThere = (file: string): Promise<boolean> =>
    access(join(confdir, 'conf.d', file)).then(
      () => true,
      () => false,
    )
  const known = resourceNamed(wanted, status?.resources ?? [])?.name
  const name = known ?? ((await isThere(wanted)) ? wanted : `${wanted}.toml`)
  if (wanted === '' || !(await isThere(name))) return ok(unknown(wanted, status))
  const hash = awaitsConsent(await new Records(stateDir, confdir, false).get(name))
  if (hash === undefined) return ok({ kind: 'refused', message: nothingHeldMessage(name) })
  const written = await new Accepted(stateDir, confdir).add(name, hash)
  if (!written.ok) return written
  return ok({ kind: 'done', message: `${name}: accepted; the next run applies the change` })
}
