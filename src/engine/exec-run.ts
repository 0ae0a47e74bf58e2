// Executes one run of the reload `[exec]`: reloads the program, runs the verifications, and checks that the program
// is still running.
import { runVerification } from '../apply/reload.ts'
import type { CommandResult } from '../core/event.ts'
import { SURVIVAL } from '../core/exec.ts'
import type { Fault } from '../core/fault.ts'
import type { RunTerms } from '../core/reload.ts'
import type { Exec } from '../exec/exec.ts'
import type { ReloadRun } from './machine.ts'

export async function reloadProgram(exec: Exec, terms: RunTerms): Promise<ReloadRun> {
  const begin = performance.now()
  const resultWith = (exitCode: number | null, signal: string | null = null): CommandResult => ({
    ...{ exitCode, signal, timedOut: false, output: '', truncated: 0 },
    duration: Math.round(performance.now() - begin),
  })
  const failed = (fault: Fault, result = resultWith(null)): ReloadRun => ({ result, fault })
  const reloaded = await exec.reload()
  if (!reloaded.ok) return failed(reloaded.error)
  const child = reloaded.value
  const unverified = await runVerification(terms)
  if (unverified !== undefined) return unverified
  const fault = await exec.check(child, terms.verify.length > 0 ? 0 : SURVIVAL)
  if (fault === undefined) return { result: resultWith(0) }
  return failed(fault, resultWith(child.exit?.code ?? null, child.exit?.signal ?? null))
}
