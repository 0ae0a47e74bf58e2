// The state directory as a whole. If it is removed while reconfd is running, for example by a cleanup job, it is
// rebuilt from memory.
import { closeSync, constants, fstatSync, openSync, statSync } from 'node:fs'
import { warnIfFailed, type Emit } from '../core/event.ts'
import type { Journal } from './journal.ts'

export interface StateFolder {
  /** Rebuilds the folder if it was removed. Never rejects. */
  ensure(): Promise<void>
  /** Rebuilds the files in the folder after the folder was removed or emptied. Never rejects. */
  rebuild(): Promise<void>
  close(): void
}

interface Rewritable {
  /** Writes everything in memory to disk again. */
  rewrite(): Promise<void>
}

/** The state directory of a run that writes no state. */
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
  // While this descriptor is open, no other folder can get the inode number of the state directory.
  let descriptor = open(dir)
  /** Whether the folder was removed and has not been rebuilt yet. */
  let isLost = false
  const isInPlace = (): boolean => {
    if (descriptor === undefined) return false
    const [ours, there] = [fstatSync(descriptor), statOf(dir)]
    return there !== undefined && there.ino === ours.ino && there.dev === ours.dev
  }
  const close = (): void => {
    if (descriptor !== undefined) closeSync(descriptor)
    descriptor = undefined
  }
  const rewrite = async (): Promise<void> => {
    warnIfFailed(emit, await journal.verify())
    for (const one of others) await one.rewrite()
    if (descriptor === undefined) descriptor = open(dir)
    if (descriptor === undefined) return
    isLost = false
    const message = `the state directory ${dir} was removed or emptied: recreated it from memory`
    emit({ kind: 'notice', level: 'warn', message })
  }
  return {
    async ensure() {
      if (isInPlace()) return
      isLost ||= descriptor !== undefined
      close()
      if (isLost) await rewrite()
      else descriptor = open(dir)
    },
    async rebuild() {
      if (!isInPlace()) close()
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

/** Opens a folder. Returns undefined if it is missing or cannot be opened; the next write reports the fault. */
function open(dir: string): number | undefined {
  try {
    return openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {
    return undefined
  }
}
