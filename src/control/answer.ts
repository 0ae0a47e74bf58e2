// The daemon's side of a question: which part of it answers what.
import { resourceNamed, type Answer, type Controls, type Question } from '../core/control.ts'
import { summaryOf } from '../core/status.ts'

export async function answer(
  { command, resource: wanted }: Question,
  controls: Controls,
): Promise<Answer> {
  const status = controls.status()
  if (command === 'status') return { kind: 'status', status: summaryOf(status) }
  if (command === 'resync') {
    const done = controls.resync()
    if (!done.ok) return { kind: 'refused', message: done.error }
    return { kind: 'done', message: 'everything is read and compared again' }
  }
  const history = resourceNamed(wanted ?? '', status.resources)
  if (history === undefined) {
    const known = status.resources.map(({ name }) => name).sort()
    return { kind: 'unknown-resource', name: wanted ?? '', known }
  }
  if (command === 'why') return { kind: 'history', history, at: status.at }
  const { name } = history
  const done = await controls[command](name)
  if (!done.ok) return { kind: 'refused', message: done.error }
  return { kind: 'done', message: `${name}: ${DONE[command]}` }
}

const DONE = {
  reload: 'its reload is under way',
  accept: 'the change that was held goes through',
} as const
