// `reconfd status` and the other daemon commands: sends the request to the daemon, or answers it from the state
// directory when no daemon is running, and formats the response as text or JSON with an exit code.
import { setTimeout as pass } from 'node:timers/promises'
import { jsonText, printableText } from '../core/escape.ts'
import type { ControlResponse, ControlRequest } from '../core/control.ts'
import { formatFault, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { ask } from './client.ts'
import { answerOffline } from './offline.ts'
import { socketPath } from './paths.ts'
import { historyText, statusText, utc, type TimeFormat } from './text.ts'

export interface AskOutput {
  /** 1 if a resource is not in sync. */
  readonly exit: 0 | 1
  readonly text: string
}

export interface AskFailure {
  /** 1: refused. 64: unknown resource. 69: neither a daemon nor the state directory could answer. */
  readonly exit: 1 | 64 | 69
  readonly fault: Fault
}

/**
 * @param json print status and history as JSON
 * @param clock formats the times in the text output
 */
export async function askDaemon(
  question: ControlRequest,
  settings: Settings,
  json: boolean,
  clock: TimeFormat = utc,
): Promise<Result<AskOutput, AskFailure>> {
  const asked = await ask(socketPath(settings), question)
  if (!asked.ok) return err({ exit: 69, fault: asked.error })
  if (asked.value !== undefined) return formatResponse(asked.value, true, json, clock)
  const found = await answerOffline(question, settings)
  return found.ok
    ? formatResponse(found.value, false, json, clock)
    : err({ exit: 69, fault: found.error })
}

/** Interval of `status -follow`, in milliseconds. */
const FOLLOW_INTERVAL = 1000

/**
 * Repeats the request until `stop` and shows each output that differs from the previous one.
 * @param show called with each output, to display it in place of the previous one
 * @returns the exit code of the last response
 */
export async function followDaemon(
  request: () => Promise<Result<AskOutput, AskFailure>>,
  show: (text: string) => void,
  stop: AbortSignal,
): Promise<number> {
  let shown = ''
  let exit = 0
  while (!stop.aborted) {
    const result = await request()
    const text = result.ok ? result.value.text : `${formatFault(result.error.fault)}\n`
    exit = result.ok ? result.value.exit : result.error.exit
    if (text !== shown) show(text)
    shown = text
    await pass(FOLLOW_INTERVAL, undefined, { signal: stop }).catch(() => undefined)
  }
  return exit
}

function formatResponse(
  answer: ControlResponse,
  running: boolean,
  json: boolean,
  clock: TimeFormat,
): Result<AskOutput, AskFailure> {
  const print = (value: object): string => `${jsonText({ running, ...value }, 2)}\n`
  switch (answer.kind) {
    case 'status': {
      const { status } = answer
      const good = status.resources.every(({ state }) => state === 'in sync')
      return ok({
        exit: good ? 0 : 1,
        text: json ? print(status) : statusText(status, running, clock),
      })
    }
    case 'history': {
      const { history, at } = answer
      const text = json ? print({ at, ...history }) : historyText(history, running, at, clock)
      return ok({ exit: 0, text })
    }
    case 'done':
      return ok({ exit: 0, text: `${printableText(answer.message)}\n` })
    case 'refused':
      return err({ exit: 1, fault: { kind: 'config', message: answer.message } })
    case 'unknown-resource': {
      const { name, known } = answer
      const hint =
        known.length === 0
          ? 'check the name, -confdir and -state-dir: no resource is known yet'
          : `use one of these resources: ${known.join(', ')}`
      const fault = { kind: 'config', message: `unknown resource "${name}"`, hint } as const
      return err({ exit: 64, fault })
    }
  }
}
