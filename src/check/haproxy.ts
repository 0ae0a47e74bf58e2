// Whether `[template.haproxy]` can do what it is for: its sockets, and the file as it is or as its template says.
import { readFile } from 'node:fs/promises'
import type { ReadResource } from '../config/resource.ts'
import { warnings, type Finding } from './findings.ts'

/** Of templates: what another file may bring in. */
const TAKES_IN = /\b(include|import|extends|template)\b/

export async function haproxyFindings(resources: readonly ReadResource[]): Promise<Finding[]> {
  const all: Finding[] = []
  for (const { document, specs, templates } of resources) {
    for (const [n, { haproxy, src, dest, reloadCmd }] of specs.entries()) {
      if (haproxy === undefined) continue
      const { examine } = await import('../haproxy/examine.ts')
      const written = await readFile(dest, 'latin1').catch(() => undefined)
      const text = written ?? (await readFile(src, 'latin1').catch(() => ''))
      const isWhole = written !== undefined || !TAKES_IN.test(text)
      const doubts = await examine(haproxy.sockets, text, isWhole)
      const at = [...(templates[n]?.path ?? []), 'haproxy']
      const isShared = specs.some(
        (spec) => spec.forEach !== undefined && spec.reloadCmd === reloadCmd,
      )
      if (isShared) {
        const hint = 'Put the template with for_each into a resource of its own.'
        const message = 'every change is a reload: a template with for_each has the same reload_cmd'
        all.push(...warnings([document.fault(at, 'key', message, hint)]))
      }
      all.push(
        ...warnings(doubts.map(({ message, hint }) => document.fault(at, 'key', message, hint))),
      )
    }
  }
  return all
}
