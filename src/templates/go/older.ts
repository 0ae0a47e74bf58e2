// The older dialect of confd, found in books: `.testservice_backend` at the root means the key /testservice/backend, or
// the list of pairs below it.
import type { Reader } from '../../core/reader.ts'
import { fromBinary, toBinary } from '../bytes.ts'
import { pairStructs } from './functions/bridge.ts'
import type { RootField } from './frame.ts'
import { KV_PAIRS } from './types.ts'
import { sliceOfRuns } from './values.ts'

/** Looks up a root field among the keys. Every directory and key that it tries is recorded. */
export function olderRoot(reader: Reader): RootField {
  const seek = (dir: string, name: string): string | undefined => {
    for (const child of reader.children(dir)) {
      const path = `${dir}/${child}`
      if (name === child) return path
      // Only the existing keys show whether an underscore means a slash or is part of a name.
      if (name.startsWith(`${child}_`)) {
        const found = seek(path, name.slice(child.length + 1))
        if (found !== undefined) return found
      }
    }
    return undefined
  }
  return (field) => {
    const path = seek('', fromBinary(field))
    if (path === undefined) return undefined
    const value = reader.get(path)
    if (value !== undefined) return toBinary(value)
    return sliceOfRuns(KV_PAIRS, pairStructs(reader.under(path)))
  }
}
