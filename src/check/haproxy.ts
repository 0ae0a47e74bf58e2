// Checks whether `[template.haproxy]` can work: examines the sockets and the destination, or the template if the
// destination is missing.
import { readFile } from 'node:fs/promises'
import type { ReadResource } from '../config/resource.ts'
import { warnings, type CheckFinding } from './findings.ts'

/** Template directives that include other files. */
const TAKES_IN = /\b(include|import|extends|template)\b/

export async function haproxyFindings(resources: readonly ReadResource[]): Promise<CheckFinding[]> {
  const all: CheckFinding[] = []
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
        const hint = 'move the template with for_each to its own resource'
        const message =
          'every change causes a reload: a template with for_each shares the reload_cmd'
        all.push(...warnings([document.fault(at, 'key', message, hint)]))
      }
      all.push(
        ...warnings(doubts.map(({ message, hint }) => document.fault(at, 'key', message, hint))),
      )
    }
  }
  return all
}
