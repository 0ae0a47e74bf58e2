// Tracks which files in place have been read by successful runs, and which runs are reading them now. Part of the
// reload protocol; pure.
import type { Run } from './reload-run.ts'

export class Proofs {
  /** Number of the newest finished placement, by resource. */
  readonly #placed = new Map<string, number>()
  /** Commands that have not yet read the content in place, by resource. Empty: the content is proved. */
  readonly #unread = new Map<string, Set<string>>()
  /** Current runs that read the resource's files, by resource. */
  readonly #readers = new Map<string, Set<Run>>()

  /** Records new content in place, which these commands have to read. */
  placed(resource: string, commands: readonly string[]): void {
    this.#placed.set(resource, this.placementOf(resource) + 1)
    this.#unread.set(resource, new Set(commands))
  }

  /** Replaces the commands that have to read the content in place. Does nothing if the content is proved. */
  reassigned(resource: string, commands: readonly string[]): void {
    if (this.isUnproved(resource)) this.#unread.set(resource, new Set(commands))
  }

  /** Returns the number of the newest finished placement; 0 if there is none. */
  placementOf(resource: string): number {
    return this.#placed.get(resource) ?? 0
  }

  /** Whether no successful run has read the content in place. */
  isUnproved(resource: string): boolean {
    return (this.#unread.get(resource)?.size ?? 0) > 0
  }

  /** Whether a current run reads the files of this resource. */
  isRead(resource: string): boolean {
    return (this.#readers.get(resource)?.size ?? 0) > 0
  }

  started(run: Run): void {
    for (const resource of run.read.keys()) {
      const readers = this.#readers.get(resource)
      if (readers === undefined) this.#readers.set(resource, new Set([run]))
      else readers.add(run)
    }
  }

  finished(run: Run): void {
    for (const resource of run.read.keys()) this.#readers.get(resource)?.delete(run)
  }

  succeeded(run: Run): void {
    for (const [resource, { placement }] of run.read) {
      if (this.placementOf(resource) === placement) this.#unread.get(resource)?.delete(run.command)
    }
  }

  /** Returns the resources whose content in place this run proves if it succeeds. */
  provedBy(run: Run): readonly string[] {
    return [...run.read].flatMap(([resource, { placement }]) => {
      const unread = [...(this.#unread.get(resource) ?? [])]
      const isNewest = this.#placed.get(resource) === placement
      return isNewest && unread.every((command) => command === run.command) ? [resource] : []
    })
  }
}
