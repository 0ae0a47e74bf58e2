// Removes leftovers of crashed runs when a run starts: staged files, temporary files in the state directory, and
// private folders in TMPDIR.
import { sweepStaged } from '../apply/sweep.ts'
import type { Resource } from '../core/resource.ts'
import type { Manifest } from '../state/manifest.ts'
import { sweepState } from '../state/state-files.ts'
import { sweepPrivateFolders } from '../system/temporary.ts'

/** @returns the removed paths beside destinations and in the state directory */
export async function tidy(
  resources: readonly Resource[],
  stateDir: string,
  manifest: Manifest,
): Promise<readonly string[]> {
  const made: string[] = []
  for (const { name, templates } of resources) {
    if (templates.every(({ forEach }) => forEach === undefined)) continue
    const listed = await manifest.of(name)
    // A manifest that cannot be read is reported when it is needed.
    if (listed.ok) made.push(...listed.value.keys())
  }
  sweepPrivateFolders()
  const specs = resources.flatMap(({ templates }) => templates)
  return [...sweepStaged(specs, made), ...sweepState(stateDir)]
}
