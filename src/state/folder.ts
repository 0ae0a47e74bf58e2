// The state directory as a whole. It may be removed while the program runs (tidying scripts do that): then it
// is made again, with everything that is known.
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Journal } from './journal.ts'

export interface StateFolder {
  /** Rebuilds the folder if it was removed. Never rejects. */
  ensure(): Promise<void>
  /** Rebuilds what the folder holds: it was removed, or emptied. Never rejects. */
  rebuild(): Promise<void>
  close(): void
}

interface Rewritable {
  /** Writes everything that is known again. */
  rewrite(): Promise<void>
}

/** For a run that writes no state. */
export const noFolder: StateFolder = {
  ensure: async () => undefined,
  rebuild: async () => undefined,
  close: () => undefined,
}

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
  const rewrite = async (): Promise<void> => {
    warnIfFailed(emit, await journal.verify())
    for (const one of others) await one.rewrite()
    if (held === undefined) held = open(dir)
    if (held === undefined) return
    isLost = false
    const message = `the state directory ${dir} was removed or emptied; it was rebuilt from what is known`
    emit({ kind: 'notice', level: 'warn', message })
  }
  return {
    async ensure() {
      if (isHeld()) return
      isLost ||= held !== undefined
      close()
      if (isLost) await rewrite()
      else held = open(dir)
    },
    async rebuild() {
      if (!isHeld()) close()
      await rewrite()
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
