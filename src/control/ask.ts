// A question from the command line: asked of the daemon, answered from the state directory when none
// runs, and put into words or JSON, with the exit code that goes with it.
import { jsonText, printableText } from '../core/escape.ts'
import type { Answer, Question } from '../core/control.ts'
import type { Fault } from '../core/fault.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Settings } from '../core/settings.ts'
import { ask } from './client.ts'
import { answerOffline } from './offline.ts'
import { socketPath } from './paths.ts'
import { historyText, statusText } from './text.ts'

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

/** @param json as JSON, where there is more to say than a sentence */
export async function askDaemon(
  question: Question,
  settings: Settings,
  json: boolean,
): Promise<Result<Told, NotTold>> {
  const asked = await ask(socketPath(settings), question)
  if (!asked.ok) return err({ exit: 69, fault: asked.error })
  if (asked.value !== undefined) return tell(asked.value, true, json)
  const found = await answerOffline(question, settings)
  return found.ok ? tell(found.value, false, json) : err({ exit: 69, fault: found.error })
}

function tell(answer: Answer, running: boolean, json: boolean): Result<Told, NotTold> {
  const print = (value: object): string => `${jsonText({ running, ...value }, 2)}\n`
  switch (answer.kind) {
    case 'status': {
      const { status } = answer
      const good = status.resources.every(({ state }) => state === 'in sync')
      return ok({ exit: good ? 0 : 1, text: json ? print(status) : statusText(status, running) })
    }
    case 'history': {
      const { history, at } = answer
      const text = json ? print({ at, ...history }) : historyText(history, running, at)
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
