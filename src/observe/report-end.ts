// What becomes of the report when a onetime run ends: a JSON file for machines, a table for people.
import { ioFault } from '../core/errno.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { writeOutput } from '../system/output-file.ts'
import { Report, type ResourceReport, type RunReport } from './report.ts'

export interface ReportOptions {
  readonly version: string
  /** Where the JSON goes, if anywhere. */
  readonly file: string | undefined
  /** Takes the table; absent: nobody looks. */
  readonly show?: ((table: string) => void) | undefined
  readonly colour: boolean
}

export interface RunningReport {
  readonly emit: Emit
  /** @returns why the report could not be written */
  readonly finish: (exit: number, faults: readonly Fault[]) => Promise<Fault | undefined>
}

export function startReport({ version, file, show, colour }: ReportOptions): RunningReport {
  const report = new Report(version)
  return {
    emit: report.emit,
    finish: async (exit, faults) => {
      const finished = report.finished(exit, faults)
      show?.(summaryTable(finished, colour))
      return file === undefined ? undefined : write(file, finished)
    },
  }
}

async function write(file: string, report: RunReport): Promise<Fault | undefined> {
  try {
    await writeOutput(file, `${JSON.stringify(report, null, 2)}\n`)
    return undefined
  } catch (error) {
    return ioFault(`cannot write the report ${file}`, error)
  }
}

const COLOURS: Readonly<Partial<Record<ResourceReport['result'], number>>> = {
  changed: 32,
  pending: 33,
  held: 33,
  failed: 31,
}

/** A line a resource, aligned; empty when there is none. */
export function summaryTable({ resources }: RunReport, colour: boolean): string {
  if (resources.length === 0) return ''
  const head = ['resource', 'result', 'read', 'changed', 'checks', 'reloads', 'time']
  const rows = resources.map((one) => [
    one.name,
    one.result,
    `${one.read.count}`,
    `${one.files.filter(({ change }) => change !== 'none').length} of ${one.files.length}`,
    commands(one.checks),
    one.reloadOwed ? 'owed' : commands(one.reloads),
    `${one.duration} ms`,
  ])
  const widths = head.map((title, i) =>
    Math.max(...[head, ...rows].map((row) => (row[i] ?? title).length)),
  )
  const line = (row: readonly string[], code: number | undefined): string => {
    const cells = row.map((cell, i) => cell.padEnd(widths[i] ?? 0))
    if (colour && code !== undefined) cells[1] = `\u001b[${code}m${cells[1] ?? ''}\u001b[39m`
    return `${cells.join('  ').trimEnd()}\n`
  }
  const body = rows.map((row, i) => line(row, COLOURS[resources[i]?.result ?? 'in sync']))
  return `\n${line(head, undefined)}${body.join('')}`
}

const commands = (all: ResourceReport['checks']): string => {
  const failed = all.filter(({ succeeded }) => !succeeded).length
  if (all.length === 0) return '-'
  return failed === 0 ? `${all.length} ok` : `${failed} of ${all.length} failed`
}
