// The dialect of confd's first years, and of the books: `.testservice_backend` at the root stands for
// the key /testservice/backend, or for the list of pairs below it.
import type { Reader } from '../../core/reader.ts'
import { fromBinary, toBinary } from '../bytes.ts'
import { pairStructs } from './functions/bridge.ts'
import type { RootField } from './frame.ts'
import { KV_PAIRS } from './types.ts'
import { sliceOfRuns } from './values.ts'

/** Looks a root field up in the store. The paths it tries are recorded, hits and misses alike. */
export function olderRoot(reader: Reader): RootField {
  const seek = (dir: string, name: string): string | undefined => {
    for (const child of reader.children(dir)) {
      const path = `${dir}/${child}`
      if (name === child) return path
      // An underscore may be a slash, or one of the key itself: only what there is can tell.
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
