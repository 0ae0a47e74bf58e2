// Runs a reload command and its verifications. A reload succeeds only if the command and all verifications succeed.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandResult } from '../core/event.ts'
import type { Fault } from '../core/fault.ts'
import type { RunTerms, Verify } from '../core/reload.ts'
import { commandFault, longestRun, runCommand, shownResult, succeeded } from './command.ts'

/** Milliseconds between two attempts to verify, because a service needs a moment to come up. */
const VERIFY_PAUSE = 1000

/** The longest time of one reload with all its verifications, in milliseconds. */
export function longestReload({ timeout, verify }: RunTerms): number {
  const attempts = verify.flatMap((one) => Array<number>(one.attempts).fill(one.timeout))
  return attempts.reduce((sum, one) => sum + longestRun(one) + VERIFY_PAUSE, longestRun(timeout))
}

export interface ReloadResult {
  /** The result of the reload command, or of the verification that failed. */
  readonly result: CommandResult
  /** Absent if the reload succeeded. */
  readonly fault?: Fault
}

/** Never rejects. */
export async function runReload(command: string, terms: RunTerms): Promise<ReloadResult> {
  const { timeout, sensitive } = terms
  const result = await runCommand(command, { timeout })
  const shown = shownResult(result, sensitive)
  if (!succeeded(result)) {
    return { result: shown, fault: commandFault('reload_cmd', command, result, { sensitive }) }
  }
  return (await runVerification(terms)) ?? { result: shown }
}

/** @returns the first failed verification, or undefined. Never rejects. */
export async function runVerification({
  verify,
  sensitive,
}: RunTerms): Promise<ReloadResult | undefined> {
  for (const one of verify) {
    const verified = await runVerify(one)
    if (succeeded(verified)) continue
    const fault = commandFault('verify_cmd', one.command, verified, { sensitive })
    return { result: shownResult(verified, sensitive), fault }
  }
  return undefined
}

async function runVerify({ command, timeout, attempts }: Verify): Promise<CommandResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await runCommand(command, { timeout })
    if (succeeded(result) || attempt >= attempts) return result
    await sleep(VERIFY_PAUSE)
  }
}
