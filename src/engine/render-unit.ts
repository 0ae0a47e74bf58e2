// Renders all files of a unit: one for a plain template, one for each match of a for_each template. All files are
// rendered from one tree, so that they never show half of a change.
import { hashOf } from '../apply/hash.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import { scopeOf, type Reads } from '../core/reads.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Tree } from '../core/tree.ts'
import { missingOf, type Missing } from '../feeds/demands.ts'
import type { TemplateRenderer } from '../templates/render.ts'
import type { ForEach } from './for-each.ts'
import type { Unit } from './unit.ts'

/** The inputs of one render of a unit: a snapshot of the keys, and the means to render them. */
export interface Sight {
  readonly renderer: TemplateRenderer
  /** Returns the keys as a resource sees them; the same tree at every call. */
  readonly treeOf: (resource: Resource) => Tree
  /** Returns the name of a template's store, for messages. */
  readonly storeOf: (spec: TemplateSpec) => string
  /** Returns whether the store that contains this key has never been read and is unreachable. */
  readonly isMissed: (key: Key) => boolean
  /** Returns the items of a for_each template. */
  readonly itemsOf: (resource: Resource, spec: TemplateSpec) => ForEach
}

/** A rendered template. */
export interface RenderedTemplate {
  readonly resource: Resource
  /** As configured: with for_each, `dest` is a template. */
  readonly spec: TemplateSpec
  readonly reads: readonly Reads[]
  /** Files that may differ from their destinations; `dest` of each is a path. */
  readonly files: readonly { readonly spec: TemplateSpec; readonly bytes: Uint8Array }[]
  /** All wanted files, by path, with their hash and size in bytes. */
  readonly all: ReadonlyMap<string, { readonly hash: string; readonly size: number }>
}

/** The look-ups of the templates of one resource, successful or not. */
export interface ResourceReads {
  readonly resource: string
  readonly reads: readonly Reads[]
  /** True if all templates were rendered from known keys: another render would read the same keys. */
  readonly whole: boolean
  /** Duration of the render in milliseconds. */
  readonly duration: number
}

export type RenderOutcome =
  | { readonly kind: 'rendered'; readonly templates: readonly RenderedTemplate[] }
  /** A template looked up keys that have not been read yet, so its result or failure is meaningless. */
  | { readonly kind: 'waiting'; readonly resource: string; readonly missing: Missing }
  | { readonly kind: 'failed'; readonly resource: string; readonly fault: Fault }

/** Renders all templates even if one fails, so that the reads of all templates are known. */
export async function* renderUnit(
  { resources }: Unit,
  sight: Sight,
  now: () => number,
): AsyncGenerator<ResourceReads, RenderOutcome> {
  const templates: RenderedTemplate[] = []
  let failed: RenderOutcome | undefined
  let waiting: RenderOutcome | undefined
  for (const resource of resources) {
    const { name } = resource
    const reads: Reads[] = []
    const begin = now()
    let whole = true
    for (const spec of resource.templates) {
      const result = await renderTemplate(resource, spec, sight)
      reads.push(...(result.ok ? result.value.reads : result.error.reads))
      if (result.ok) templates.push(result.value)
      else failed ??= { kind: 'failed', resource: name, fault: result.error.fault }
      whole &&= result.ok
    }
    const missing = missingOf(reads)
    if (missing !== undefined) waiting ??= { kind: 'waiting', resource: name, missing }
    whole &&= missing === undefined
    yield { resource: name, reads, whole, duration: now() - begin }
  }
  return waiting ?? failed ?? { kind: 'rendered', templates }
}

async function renderTemplate(
  resource: Resource,
  spec: TemplateSpec,
  { renderer, treeOf, storeOf, itemsOf }: Sight,
): Promise<Result<RenderedTemplate, { fault: Fault; reads: readonly Reads[] }>> {
  const tree = treeOf(resource)
  if (spec.forEach !== undefined) {
    const expanded = await itemsOf(resource, spec).render(spec, tree)
    if (!expanded.ok) return expanded
    const { fresh, all, reads } = expanded.value
    return ok({ resource, spec, reads, files: fresh, all })
  }
  const { dest } = spec
  const scope = scopeOf(spec, storeOf(spec))
  const rendered = await renderer.render(spec, tree, scope)
  if (!rendered.ok) return err({ fault: rendered.error.fault, reads: [rendered.error.reads] })
  const { bytes, reads } = rendered.value
  const file = { hash: hashOf(bytes), size: bytes.length }
  const all = new Map([[dest, file]])
  return ok({ resource, spec, reads: [reads], files: [{ spec, bytes }], all })
}

/** Returns one hash over all files of a unit, or of one of its resources. */
export function contentHash(templates: readonly RenderedTemplate[], resource?: string): string {
  const lines = templates
    .filter(({ resource: { name } }) => resource === undefined || name === resource)
    .flatMap(({ all }) => [...all].map(([dest, { hash }]) => `${dest} ${hash}\n`))
  return hashOf(Buffer.from(lines.join('')))
}
