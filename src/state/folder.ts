// The state directory as a whole. It may be removed while the program runs (tidying scripts do that): then it
// is made again, with everything that is known.
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Journal } from './journal.ts'

export interface StateFolder {
  /** Makes the folder again if it is gone. Never rejects. */
  ensure(): Promise<void>
  close(): void
}

/** What can write all that it knows once more. */
interface Rewritable {
  rewrite(): Promise<void>
}

/** For a run that writes no state. */
export const noFolder: StateFolder = { ensure: async () => undefined, close: () => undefined }

export function stateFolder(
  dir: string,
  journal: Journal,
  others: readonly Rewritable[],
  emit: Emit,
): StateFolder {
  // Held open: as long as it is, no other folder gets its inode, and so its identity.
  let held = open(dir)
  /** It was removed and could not be made again yet. */
  let isLost = false
  const isHeld = (): boolean => {
    if (held === undefined) return false
    const [ours, there] = [fstatSync(held), statOf(dir)]
    return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
  }
  const close = (): void => {
    if (held !== undefined) closeSync(held)
    held = undefined
  }
  return {
    async ensure() {
      if (isHeld()) return
      isLost ||= held !== undefined
      close()
      if (isLost) {
        warnIfFailed(emit, await journal.verify())
        for (const one of others) await one.rewrite()
      }
      held = open(dir)
      if (!isLost || held === undefined) return
      isLost = false
      const message = `the state directory ${dir} was removed: it is made again with what is known`
      emit({ kind: 'notice', level: 'warn', message })
    },
    close,
  }
}

function statOf(dir: string): { readonly ino: number; readonly dev: number } | undefined {
  try {
    return statSync(dir)
  } catch {
    return undefined
  }
}

/** Undefined where there is none, or none that can be opened: whoever writes there reports that. */
function open(dir: string): number | undefined {
  try {
    return openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {
    return undefined
  }
}
