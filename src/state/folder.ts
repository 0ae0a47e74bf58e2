// The state directory as a whole. It may be removed while the program runs (tidying scripts do that): then it
// is made again, with everything that is known.
import { statSync } from 'node:fs'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Journal } from './journal.ts'

export interface StateFolder {
  /** Makes the folder again if it is gone. Never rejects. */
  ensure(): Promise<void>
}

/** What can write all that it knows once more. */
interface Rewritable {
  rewrite(): Promise<void>
}

/** For a run that writes no state. */
export const noFolder: StateFolder = { ensure: async () => undefined }

export function stateFolder(
  dir: string,
  journal: Journal,
  others: readonly Rewritable[],
  emit: Emit,
): StateFolder {
  let seen = identityOf(dir)
  return {
    async ensure() {
      const now = identityOf(dir)
      // One that was never there is made with the first file in it.
      if (seen === undefined || now === seen) {
        seen ??= now
        return
      }
      warnIfFailed(emit, await journal.verify())
      for (const one of others) await one.rewrite()
      seen = identityOf(dir)
      const message = `the state directory ${dir} was removed: it is made again with what is known`
      emit({ kind: 'notice', level: 'warn', message })
    },
  }
}

function identityOf(dir: string): string | undefined {
  const found = statSync(dir, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}
