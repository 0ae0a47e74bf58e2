// Runs one cycle of a unit, from its snapshot of the tree to the outcome. Changes to keys and files during the render
// are detected and belong to the next cycle.
import type { Cause } from '../core/cause.ts'
import { storeOf } from '../core/key.ts'
import type { Tree } from '../core/tree.ts'
import type { Feeds } from '../feeds/feeds.ts'
import type { TemplateRenderer } from '../templates/render.ts'
import type { Concerns } from './concerns.ts'
import { cycle } from './cycle.ts'
import { failed, type Causes, type Outcome } from './outcome.ts'
import type { Parts } from './parts.ts'
import { renderUnit, type RenderOutcome, type ResourceReads, type Sight } from './render-unit.ts'
import type { Unit } from './unit.ts'

/** The stores and templates that units are rendered from. */
export interface Sources {
  readonly feeds: Pick<Feeds, 'tree' | 'isRead' | 'isMissed' | 'nameOf' | 'took'>
  readonly renderer: TemplateRenderer
  /** Receives the files that renders depend on, so that they are watched. */
  readonly dependsOn: (files: Iterable<string>) => void
}

export interface Worked {
  readonly outcome: Outcome
  /** Causes of the next cycle, by resource: reads that have changed since the tree was taken. */
  readonly missed: ReadonlyMap<string, Cause>
}

/** @param causes the causes of this cycle, by resource */
export async function work(
  unit: Unit,
  sources: Sources,
  concerns: Concerns,
  causes: Causes,
  parts: Parts,
): Promise<Worked> {
  const { feeds, renderer } = sources
  concerns.rendering(unit)
  const trees = new Map(
    unit.resources.map((one) => [one.name, concerns.views.treeOf(one, feeds.tree)]),
  )
  const sight: Sight = {
    renderer,
    treeOf: ({ name }) => trees.get(name) as Tree,
    storeOf: ({ prefix }) => feeds.nameOf(prefix),
    isMissed: (key) => feeds.isMissed(key),
    itemsOf: ({ name }, spec) => concerns.itemsOf(name, spec),
  }
  const missed = new Map<string, Cause>()
  const note = ({ resource, reads, whole, duration }: ResourceReads): void => {
    const cause = concerns.rendered(unit, resource, reads)
    if (cause !== undefined) missed.set(resource, cause)
    feeds.took(resource, reads, whole)
    parts.emit({ kind: 'rendered', resource, reads, duration })
    reportWithout(
      unit,
      resource,
      reads.flatMap((one) => [...(one.without ?? [])]),
      sources,
      parts,
    )
    sources.dependsOn(reads.flatMap(({ files }) => [...files]))
  }
  const rendered = await render(unit, sight, parts, note)
  concerns.renderedAll(unit)
  return { outcome: await outcomeOf(unit, rendered, sight, causes, parts), missed }
}

/**
 * Reports the stores and datacenters that are missing in the render of a resource, if they differ from those of its
 * last render.
 */
function reportWithout(
  unit: Unit,
  resource: string,
  parts: readonly string[],
  { feeds }: Sources,
  { emit }: Parts,
): void {
  const missed = unit.keys
    .filter((key) => unit.isOptional(key) && feeds.isMissed(key))
    .map((key) => storeOf(key) as string)
  const without = [...new Set([...missed, ...parts])].sort().join(', ')
  if (unit.without.get(resource) === without) return
  const isFirst = !unit.without.has(resource)
  unit.without.set(resource, without)
  if (without === '' && isFirst) return
  const message =
    without === ''
      ? `${resource}: rendered with all of its stores again`
      : `${resource}: rendered without ${without}, which cannot be reached (optional_stores)`
  emit({ kind: 'notice', level: without === '' ? 'info' : 'warn', message })
}

async function render(
  unit: Unit,
  sight: Sight,
  { clock }: Parts,
  note: (read: ResourceReads) => void,
): Promise<RenderOutcome> {
  const rendering = renderUnit(unit, sight, () => clock.now())
  for (;;) {
    const step = await rendering.next()
    if (step.done === true) return step.value
    note(step.value)
  }
}

async function outcomeOf(
  unit: Unit,
  rendered: RenderOutcome,
  sight: Sight,
  causes: Causes,
  parts: Parts,
): Promise<Outcome> {
  if (rendered.kind === 'waiting') return rendered
  if (rendered.kind === 'failed') return failed('render', rendered.resource, rendered.fault)
  return cycle(unit, rendered.templates, sight, causes, parts)
}
