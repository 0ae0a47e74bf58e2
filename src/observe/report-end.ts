// Outputs the report at the end of a onetime run: a JSON file and a table.
import { jsonText } from '../core/escape.ts'
import { ioFault } from '../core/errno.ts'
import type { Emit } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import { painted, tableLines } from '../core/table.ts'
import { duration } from '../core/words.ts'
import { writeOutput } from '../system/output-file.ts'
import { ReportBuilder, type ResourceReport, type RunReport } from './report.ts'

export interface ReportOptions {
  readonly version: string
  /** Path of the JSON report; undefined if no report is written. */
  readonly file: string | undefined
  /** Prints the table; absent without a terminal. */
  readonly show?: ((table: string) => void) | undefined
  readonly colour: boolean
}

export interface RunningReport {
  readonly emit: Emit
  /** @returns the fault if the report could not be written */
  readonly finish: (exit: number, faults: readonly Fault[]) => Promise<Fault | undefined>
}

export function startReport({ version, file, show, colour }: ReportOptions): RunningReport {
  const report = new ReportBuilder(version)
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
    await writeOutput(file, `${jsonText(report, 2)}\n`)
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

/**
 * Returns a table with one line per resource; empty if all resources are in sync, because one log line then reports
 * this.
 */
export function summaryTable({ resources }: RunReport, colour: boolean): string {
  if (resources.every(({ result }) => result === 'in sync')) return ''
  const head = ['resource', 'result', 'read', 'changed', 'checks', 'reloads', 'time']
  const rows = resources.map((one) => [
    one.name,
    one.result,
    `${one.read.count}`,
    `${one.files.filter(({ change }) => change !== 'none').length} of ${one.files.length}`,
    commands(one.checks),
    one.reloadOwed ? 'owed' : commands(one.reloads),
    duration(one.duration),
  ])
  const lines = tableLines([head, ...rows], (cell, column, row) => {
    const code = COLOURS[resources[row - 1]?.result ?? 'in sync']
    return colour && column === 1 && code !== undefined ? painted(code, cell) : cell
  })
  return `\n${lines.join('\n')}\n`
}

const commands = (all: ResourceReport['checks']): string => {
  const failed = all.filter(({ succeeded }) => !succeeded).length
  if (all.length === 0) return '-'
  return failed === 0 ? `${all.length} ok` : `${failed} of ${all.length} failed`
}
