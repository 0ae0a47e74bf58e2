// Renders all files of a unit: one for an ordinary template, one a match for a for_each template.
import { hashOf } from '../apply/hash.ts'
import { isNothing, type Extent } from '../core/extent.ts'
import type { Fault } from '../core/fault.ts'
import type { Key } from '../core/key.ts'
import type { Reads } from '../core/reader.ts'
import type { Resource, TemplateSpec } from '../core/resource.ts'
import { err, ok, type Result } from '../core/result.ts'
import type { Tree } from '../core/tree.ts'
import type { Unit } from '../core/unit.ts'
import { missingOf } from '../feeds/demands.ts'
import type { Expansion, ForEach } from './for-each.ts'
import type { TemplateRenderer } from '../templates/render.ts'

export interface RenderContext {
  /** How the store is called that a full key is looked up in. */
  readonly storeOf: (key: Key) => string
  readonly renderer: TemplateRenderer
  /** The keys as a resource is to see them now. */
  readonly treeOf: (resource: Resource) => Tree
  /** Of a template with for_each, the same at every call. */
  readonly forEachOf: (spec: TemplateSpec) => ForEach
  /**
   * Told what was read as soon as a resource has been rendered, successfully or not.
   * @param whole it was rendered to the end, of what is known: another render would read the same
   * @param duration milliseconds
   */
  readonly rendered: (
    resource: Resource,
    reads: readonly Reads[],
    whole: boolean,
    duration: number,
  ) => void
}

/** What one template was rendered to. */
export interface RenderedTemplate {
  readonly resource: Resource
  /** As the resource has it: with for_each, `dest` is a template. */
  readonly spec: TemplateSpec
  readonly reads: readonly Reads[]
  /** Those that may differ from what is in place; `dest` of each is a path. */
  readonly files: readonly { readonly spec: TemplateSpec; readonly bytes: Uint8Array }[]
  /** All files there are to be, by path, with their hash and size in bytes. */
  readonly all: ReadonlyMap<string, { readonly hash: string; readonly size: number }>
}

export interface RenderFailed {
  readonly resource: string
  readonly fault: Fault
}

/** It has looked up what is not known yet: what it was rendered to, or failed with, means nothing. */
export interface NotKnown {
  readonly resource: string
  readonly missing: Extent
}

/** All templates are rendered even when one fails, so that the reads and faults of all are known. */
export async function renderUnit(
  unit: Unit,
  context: RenderContext,
): Promise<Result<readonly RenderedTemplate[], RenderFailed | NotKnown>> {
  const all: RenderedTemplate[] = []
  let failed: RenderFailed | undefined
  let unknown: NotKnown | undefined
  for (const resource of unit.resources) {
    const read: Reads[] = []
    const begin = performance.now()
    let whole = true
    for (const spec of resource.templates) {
      const result = await renderTemplate(resource, spec, context)
      read.push(...(result.ok ? result.value.reads : result.error.reads))
      if (result.ok) all.push(result.value)
      else failed ??= { resource: resource.name, fault: result.error.fault }
      whole &&= result.ok
    }
    const missing = missingOf(read)
    if (!isNothing(missing)) unknown ??= { resource: resource.name, missing }
    context.rendered(resource, read, whole && isNothing(missing), performance.now() - begin)
  }
  if (unknown !== undefined) return err(unknown)
  return failed === undefined ? ok(all) : err(failed)
}

async function renderTemplate(
  resource: Resource,
  spec: TemplateSpec,
  { storeOf, renderer, treeOf, forEachOf }: RenderContext,
): Promise<Result<RenderedTemplate, { fault: Fault; reads: readonly Reads[] }>> {
  const tree = treeOf(resource)
  if (spec.forEach !== undefined) {
    const expanded = await forEachOf(spec).render(spec, tree)
    if (!expanded.ok) return expanded
    const { fresh, all, reads }: Expansion = expanded.value
    return ok({ resource, spec, reads, files: fresh, all })
  }
  const { prefix, keys, dest } = spec
  const scope = { store: storeOf(prefix), prefix, keys }
  const rendered = await renderer.render(spec, tree, scope)
  if (!rendered.ok) return err({ fault: rendered.error.fault, reads: [rendered.error.reads] })
  const { bytes, reads } = rendered.value
  const file = { hash: hashOf(bytes), size: bytes.length }
  return ok({
    resource,
    spec,
    reads: [reads],
    files: [{ spec, bytes }],
    all: new Map([[dest, file]]),
  })
}

/** One hash for all files of a resource. */
export function contentHash(resource: Resource, templates: readonly RenderedTemplate[]): string {
  const lines = templates
    .filter((template) => template.resource === resource)
    .flatMap(({ all }) => [...all].map(([dest, { hash }]) => `${dest} ${hash}\n`))
  return hashOf(Buffer.from(lines.join('')))
}
