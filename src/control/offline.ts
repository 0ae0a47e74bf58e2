// The answers when no daemon runs: from the status that the last one has kept, and from the journal of
// owed reloads, which is never behind.
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { nothingHeld, resourceNamed, type Answer, type Question } from '../core/control.ts'
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

/** A fault of kind `io` when there is nothing to answer from, or a daemon is needed. */
export async function answerOffline(
  question: Question,
  settings: Settings,
): Promise<Result<Answer, Fault>> {
  const { command, resource: wanted = '' } = question
  if (command === 'resync' || command === 'reload') {
    const hint =
      command === 'reload'
        ? 'A run with -onetime makes good what is owed; without a daemon the command is run by hand.'
        : 'A run with -onetime reads and compares everything.'
    return err(noDaemon(settings, hint))
  }
  const kept = await readKept(settings)
  if (!kept.ok) return kept
  const status = kept.value
  if (command === 'accept') return accept(wanted, status, settings)
  if (status === undefined) {
    return err(noDaemon(settings, `Nor has one left its status in ${settings.stateDir}.`))
  }
  if (command === 'status') return ok({ kind: 'status', status: summaryOf(status) })
  const history = resourceNamed(wanted, status.resources)
  if (history === undefined) return ok(unknown(wanted, status))
  return ok({ kind: 'history', history, at: status.at })
}

const unknown = (name: string, status: FullStatus | undefined): Answer => {
  const known = (status?.resources ?? []).map((one) => one.name).sort()
  return { kind: 'unknown-resource', name, known }
}

const noDaemon = ({ confdir, stateDir }: Settings, hint: string): Fault => ({
  kind: 'io',
  message: `no daemon is running with -confdir ${confdir} and -state-dir ${stateDir}`,
  hint,
})

/** What was kept, made true by the journal; undefined when there is neither. */
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
      errnoOf(error) === 'EACCES' ? 'Ask as the user that runs reconfd, or as root.' : undefined
    return err(ioFault(`cannot read the status in ${stateDir}`, error, hint))
  }
}

/** The newest word on whether a reload is owed is the journal's. */
function withOwed(resource: ResourceHistory, owed: Owed | undefined, at: string): ResourceHistory {
  const rest: ResourceHistory & { owedSince?: string } = { ...resource }
  delete rest.owedSince
  const { state, why = 'reload is due' } = rest
  if (owed !== undefined) {
    const owedSince = new Date(owed.since).toISOString()
    if (state === 'failed' || state === 'held') return { ...rest, owedSince }
    const told = state === 'owed' ? why : 'reload is due'
    return { ...rest, state: 'owed', since: owedSince, why: told, owedSince }
  }
  if (state !== 'owed') return rest
  const settled: ResourceHistory & { why?: string } = { ...rest, state: 'in sync', since: at }
  delete settled.why
  return settled
}

/** All that is known when only the journal is there. */
function fromJournal(owed: ReadonlyMap<string, Owed>): FullStatus {
  const resources = [...owed].map(([name, { since }]): ResourceHistory => {
    const owedSince = new Date(since).toISOString()
    const why = 'reload is due'
    return { name, state: 'owed', since: owedSince, why, owedSince, hashes: {}, changes: [] }
  })
  const at = new Date(Math.max(...[...owed.values()].map(({ since }) => since))).toISOString()
  return { version: '', pid: 0, started: at, at, stores: [], resources: worstFirst(resources) }
}

/** Written down, so that the next run lets this change through, and no other. */
async function accept(
  wanted: string,
  status: FullStatus | undefined,
  { stateDir, confdir }: Settings,
): Promise<Result<Answer, Fault>> {
  const name = resourceNamed(wanted, status?.resources ?? [])?.name ?? wanted
  const inConfD = await access(join(confdir, 'conf.d', name)).then(
    () => true,
    () => false,
  )
  if (!inConfD || wanted === '') return ok(unknown(wanted, status))
  const hash = awaitsConsent(await new Records(stateDir, confdir, false).get(name))
  if (hash === undefined) return ok({ kind: 'refused', message: nothingHeld(name) })
  const written = await new Accepted(stateDir, confdir).add(name, hash)
  if (!written.ok) return written
  return ok({ kind: 'done', message: `${name}: the next run lets this change through` })
}
