// A question from the command line: asked of the daemon, answered from the state directory when none
// runs, and put into words or JSON, with the exit code that goes with it.
import { setTimeout as pass } from 'node:timers/promises'
import { jsonText, printableText } from '../core/escape.ts'
import type { Answer, Question } from '../core/control.ts'
import { formatFault, type Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { ask } from './client.ts'
import { answerOffline } from './offline.ts'
import { socketPath } from './paths.ts'
import { historyText, statusText, utc, type Clock } from './text.ts'

export interface Told {
  /** 1: not all resources are in sync. */
  readonly exit: 0 | 1
  readonly text: string
}

export interface NotTold {
  /** 1: refused. 64: there is no such resource. 69: neither a daemon nor what one has left. */
  readonly exit: 1 | 64 | 69
  readonly fault: Fault
}

/**
 * @param json as JSON, where there is more to say than a sentence
 * @param clock how times are written in what is for people
 */
export async function askDaemon(
  question: Question,
  settings: Settings,
  json: boolean,
  clock: Clock = utc,
): Promise<Result<Told, NotTold>> {
  const asked = await ask(socketPath(settings), question)
  if (!asked.ok) return err({ exit: 69, fault: asked.error })
  if (asked.value !== undefined) return tell(asked.value, true, json, clock)
  const found = await answerOffline(question, settings)
  return found.ok ? tell(found.value, false, json, clock) : err({ exit: 69, fault: found.error })
}

/** Milliseconds between two looks of `status -follow`. */
const FOLLOW_EVERY = 1000

/**
 * Shows the answer again whenever it is another one, until it is stopped.
 * @param show takes each new answer whole
 * @returns the exit code of the last answer
 */
export async function followDaemon(
  again: () => Promise<Result<Told, NotTold>>,
  show: (text: string) => void,
  stop: AbortSignal,
): Promise<number> {
  let shown = ''
  let exit = 0
  while (!stop.aborted) {
    const told = await again()
    const text = told.ok ? told.value.text : `${formatFault(told.error.fault)}\n`
    exit = told.ok ? told.value.exit : told.error.exit
    if (text !== shown) show(text)
    shown = text
    await pass(FOLLOW_EVERY, undefined, { signal: stop }).catch(() => undefined)
  }
  return exit
}

function tell(
  answer: Answer,
  running: boolean,
  json: boolean,
  clock: Clock,
): Result<Told, NotTold> {
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
      const hint = known.length === 0 ? 'None is known.' : `There are ${known.join(', ')}.`
      const fault = { kind: 'config', message: `no resource is called "${name}"`, hint } as const
      return err({ exit: 64, fault })
    }
  }
}
