// Runs the contract against a folder of files. Each top-level name has its own file, which a rename replaces.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreClient } from '../support/clients.ts'
import { removeDir, tempDir } from '../support/process.ts'
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'

type Json = { [name: string]: Json | string }

/** Writes keys as nested JSON objects. The key `/a/b/c` is in the file `a.json`. */
class FolderClient implements Omit<StoreClient, 'putWithTtl'> {
  readonly #keys = new Map<string, Map<string, string>>()

  constructor(
    readonly folder: string,
    /** A folder next to `folder`. Files are written here completely, then renamed into `folder`. */
    readonly staging: string,
  ) {}

  async put(key: string, value: string): Promise<void> {
    await this.putAll(new Map([[key, value]]))
  }

  async putAll(entries: ReadonlyMap<string, string>): Promise<void> {
    for (const [key, value] of entries) this.#file(key).set(key, value)
    this.#write(new Set([...entries.keys()].map(topOf)))
  }

  async del(key: string): Promise<void> {
    this.#file(key).delete(key)
    this.#write([topOf(key)])
  }

  async delTree(dir: string): Promise<void> {
    const keys = this.#file(dir)
    for (const key of [...keys.keys()]) if (key.startsWith(`${dir}/`)) keys.delete(key)
    this.#write([topOf(dir)])
  }

  close(): void {
    // There is nothing to close.
  }

  #file(key: string): Map<string, string> {
    const keys = this.#keys.get(topOf(key)) ?? new Map<string, string>()
    this.#keys.set(topOf(key), keys)
    return keys
  }

  #write(tops: Iterable<string>): void {
    for (const top of tops) {
      const root: Json = {}
      for (const [key, value] of this.#keys.get(top) ?? []) insert(root, key, value)
      const staged = join(this.staging, `${top}.json`)
      writeFileSync(staged, JSON.stringify(root))
      renameSync(staged, join(this.folder, `${top}.json`))
    }
  }
}

const topOf = (key: string): string => key.split('/', 2)[1] as string

function insert(root: Json, key: string, value: string): void {
  const names = key.split('/').slice(1)
  let at = root
  for (const name of names.slice(0, -1)) at = (at[name] ??= {}) as Json
  at[names.at(-1) as string] = value
}

contract({
  name: 'file',
  lacks: { ttl: 'files do not expire', nodes: 'files are on this machine' },
  async start() {
    const root = tempDir('file')
    const [folder, staging, away] = ['keys', 'staging', 'away'].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ]
    mkdirSync(folder)
    mkdirSync(staging)
    return {
      settings: settingsFor({ backend: 'file', files: [folder] }),
      client: new FolderClient(folder, staging),
      // Simulates a volume that is unmounted and mounted again.
      down: async () => renameSync(folder, away),
      up: async () => renameSync(away, folder),
      stop: async () => removeDir(root),
    }
  },
})
