// The checks that need neither a store nor a daemon: settings, resources, commands and templates. Reports all
// faults at once.
import { runCommand } from '../apply/command.ts'
import { expandCommand, shellWord } from '../core/command.ts'
import { lastLines } from '../core/output.ts'
import type { Fault } from '../core/fault.ts'
import type { Settings } from '../core/settings.ts'
import type { ReadResource } from '../config/resource.ts'
import { allFaults, readResources } from '../config/resources.ts'
import type { Definitions } from '../config/refused.ts'
import { openStore } from '../stores/registry.ts'
import { createRenderer } from '../templates/render.ts'
import { DEST } from '../templates/sources.ts'
import { wantedStores } from '../feeds/wanted-stores.ts'
import { errors, sorted, warnings, type Counted, type CheckFinding } from './findings.ts'
import { haproxyFindings } from './haproxy.ts'

export interface OfflineResult {
  readonly findings: readonly CheckFinding[]
  readonly counted: Counted
  /** Absent if conf.d is invalid. */
  readonly loaded?: Definitions
}

/** Time limit for the shell to parse a command, in milliseconds. */
const PARSE_TIMEOUT = 10_000

const COMMANDS = ['check_cmd', 'reload_cmd', 'verify_cmd', 'group_check_cmd'] as const

export async function checkOffline(settings: Settings): Promise<OfflineResult> {
  const loaded = await readResources(settings)
  const { read, empty } = loaded
  const faults = allFaults(loaded)
  const found = [
    ...errors(empty === undefined ? faults : [empty, ...faults]),
    ...warnings(loaded.notices),
    ...(await templateFindings(read, settings)),
    ...errors(await commandFaults(read)),
    ...(await storeFindings(settings, loaded)),
    ...(await haproxyFindings(read)),
  ]
  return {
    findings: sorted(found),
    counted: {
      resources: read.length,
      templates: read.reduce((sum, { specs }) => sum + specs.length, 0),
    },
    ...(faults.length === 0 ? { loaded } : {}),
  }
}

/**
 * Checks the stores' settings without connecting. An unreadable file, such as a certificate, causes only a warning,
 * because the file may exist on the target machine.
 */
async function storeFindings(
  settings: Settings,
  { resources, stores }: Definitions,
): Promise<CheckFinding[]> {
  const wanted = await wantedStores(settings, stores, resources)
  const all = await Promise.all(
    wanted.map(async ({ settings: own, name }): Promise<CheckFinding[]> => {
      const opened = await openStore(own)
      if (opened.ok) return []
      const { message, file } = opened.error
      const of = name === undefined ? message : `store ${name}: ${message}`
      const fault = { ...opened.error, message: of }
      return file === undefined ? errors([fault]) : warnings([fault])
    }),
  )
  return all.flat()
}

async function templateFindings(
  resources: readonly ReadResource[],
  { confdir }: Settings,
): Promise<CheckFinding[]> {
  const renderer = createRenderer(`${confdir}/templates`)
  const all: CheckFinding[] = []
  for (const { document, specs, templates } of resources) {
    for (const [i, spec] of specs.entries()) {
      const at = [...(templates[i]?.path ?? []), 'dest']
      const { faults, doubts } = await renderer.check(spec)
      const inDest = ({ message, hint }: Fault): Fault =>
        document.fault(at, 'value', `in dest: ${message}`, hint)
      // A template that is missing or is a folder has already been reported for its resource.
      const own = faults.filter(({ file, line }) => file !== spec.src || line !== undefined)
      all.push(...errors(own.map((fault) => (fault.file === DEST ? inDest(fault) : fault))))
      all.push(...doubts.map((fault) => ({ severity: 'warning' as const, fault })))
    }
  }
  return all
}

/** Has the shell parse each command without running it. */
async function commandFaults(resources: readonly ReadResource[]): Promise<Fault[]> {
  const all: Fault[] = []
  for (const { document, templates } of resources) {
    for (const path of [[], ...templates.map((template) => template.path)]) {
      for (const key of COMMANDS) {
        const command = valueAt(document.data, [...path, key])
        if (typeof command !== 'string' || command === '') continue
        const text = expandCommand(command, { src: '/src', dest: '/dest' })
        const options = { timeout: PARSE_TIMEOUT }
        const { exitCode, output } = await runCommand(`sh -n -c ${shellWord(text)}`, options)
        if (exitCode === 0) continue
        const why = lastLines(output)[0]?.replace(/^sh: (?:\d+|line \d+|-c: line \d+): /, '')
        const message = `the shell cannot parse ${key}: ${why ?? 'no reason given'}`
        all.push(
          document.fault(
            [...path, key],
            'value',
            message,
            'correct the syntax: the command runs with /bin/sh -c',
          ),
        )
      }
    }
  }
  return all
}

const valueAt = (data: unknown, path: readonly (string | number)[]): unknown =>
  path.reduce<unknown>(
    (value, part) => (value as Record<string | number, unknown> | undefined)?.[part],
    data,
  )
