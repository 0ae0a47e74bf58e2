// Renders a template given as text with a plain object of keys, using the real renderer and real files in a separate
// folder.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { formatFault, type Fault } from '../../src/core/fault.ts'
import { joinKeys, toKey } from '../../src/core/key.ts'
import type { Reads, Scope } from '../../src/core/reads.ts'
import type { TemplateSpec } from '../../src/core/resource.ts'
import { treeOf, type Tree } from '../../src/core/tree.ts'
import { createRenderer, type TemplateRenderer } from '../../src/templates/render.ts'

export type Keys = Readonly<Record<string, string>>

export interface Outcome {
  /** The output; undefined if the render failed. */
  readonly text: string | undefined
  readonly bytes: Uint8Array | undefined
  readonly fault: Fault | undefined
  /** The fault as an operator sees it, with the folder removed from paths. */
  readonly message: string | undefined
  readonly reads: Reads
}

export interface Options {
  readonly prefix?: string
  /** The keys of the resource. Default: all keys. */
  readonly watched?: readonly string[]
  readonly spec?: Partial<TemplateSpec>
}

export const treeFrom = (keys: Keys): Tree =>
  treeOf(new Map(Object.entries(keys).map(([key, value]) => [toKey(key), value])))

export const scopeFor = ({ prefix = '/', watched = ['/'] }: Options = {}): Scope => ({
  store: 'etcdv3',
  prefix: joinKeys(prefix),
  keys: watched.map(toKey),
})

/** A folder of templates, with a renderer. */
export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'reconfd-templates-'))
  readonly renderer: TemplateRenderer = createRenderer(this.folder)

  write(name: string, text: string | Uint8Array): string {
    const path = join(this.folder, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }

  spec(name: string, more: Partial<TemplateSpec> = {}): TemplateSpec {
    return {
      src: join(this.folder, name),
      dest: '/nowhere',
      prefix: '/',
      keys: ['/'],
      trimBlocks: true,
      lstripBlocks: true,
      checkTimeout: 1,
      reloadTimeout: 1,
      followSymlinks: true,
      mkdirs: false,
      ...more,
    }
  }

  async render(name: string, keys: Keys = {}, options: Options = {}): Promise<Outcome> {
    const spec = this.spec(name, options.spec)
    const result = await this.renderer.render(spec, treeFrom(keys), scopeFor(options))
    const { reads } = result.ok ? result.value : result.error
    const bytes = result.ok ? result.value.bytes : undefined
    const fault = result.ok ? undefined : result.error.fault
    return {
      bytes,
      text: bytes && Buffer.from(bytes).toString(),
      fault,
      message: fault && formatFault(fault).replaceAll(`${this.folder}/`, ''),
      reads,
    }
  }
}

const shared = new Workshop()
let made = 0
afterAll(() => rmSync(shared.folder, { recursive: true, force: true }))

/** Renders a single template given as text. */
export async function render(
  text: string,
  keys: Keys = {},
  options: Options = {},
): Promise<Outcome> {
  const name = `t${made++}.njk`
  shared.write(name, text)
  const outcome = await shared.render(name, keys, options)
  const message = outcome.message?.replaceAll(name, 't.njk')
  return { ...outcome, message }
}
