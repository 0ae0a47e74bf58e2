// Services that files describe, one in each, for as long as the files are there. A file that becomes wrong
// keeps the service that it has described before.
import { readServiceFiles, type FileService } from '../../config/service-file.ts'
import { formatFault } from '../../core/fault.ts'
import { watchFiles } from '../../system/watch-files.ts'
import { Bell } from '../bell.ts'
import type { EmitRegister } from '../event.ts'
import type { Source, Wanted } from '../service.ts'
import { serviceFrom, type Defaults } from './own.ts'

export class Files implements Source {
  readonly name: string
  readonly #bell = new Bell()
  /** By file. */
  #services = new Map<string, Wanted>()
  /** By file, the faults that have been reported. */
  #faults = new Map<string, string>()
  #isAway = false

  constructor(
    private readonly folder: string,
    private readonly defaults: Defaults,
    private readonly emit: EmitRegister,
  ) {
    this.name = folder
  }

  async run(want: (wanted: readonly Wanted[]) => void, signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#bell.ring(), { once: true })
    // Watched before they are read: nothing is missed in between.
    const watch = await watchFiles([this.folder], () => this.#bell.ring())
    try {
      for (let first = true; !signal.aborted; first = false) {
        if (await this.#read(first)) want([...this.#services.values()])
        await this.#bell.wait(Infinity)
      }
    } finally {
      await watch.close()
    }
  }

  /** False when the folder cannot be read: then nothing is known. */
  async #read(first: boolean): Promise<boolean> {
    const files = await readServiceFiles(this.folder)
    if (!files.ok) {
      this.emit({ kind: 'source-away', source: this.name, fault: files.error, retryIn: null })
      this.#isAway = true
      return false
    }
    const services = new Map<string, Wanted>()
    const faults = new Map<string, string>()
    for (const [file, read] of files.value) {
      const before = this.#services.get(file)
      if (!read.ok) {
        const text = read.error.map(formatFault).join('\n')
        faults.set(file, text)
        if (this.#faults.get(file) !== text) this.#report(file, text, before !== undefined)
        if (before !== undefined) services.set(file, before)
        continue
      }
      services.set(file, this.#wanted(read.value, before, first))
    }
    this.#services = services
    this.#faults = faults
    if (first || this.#isAway) {
      this.emit({ kind: 'source-live', source: this.name, services: services.size })
    }
    this.#isAway = false
    return true
  }

  #wanted(described: FileService, before: Wanted | undefined, first: boolean): Wanted {
    const { checks, ...own } = described
    const service = serviceFrom(own, this.defaults, checks)
    const isSame = JSON.stringify(before?.service) === JSON.stringify(service)
    return isSame && before !== undefined ? before : { service, life: '', fresh: !first }
  }

  #report(file: string, text: string, kept: boolean): void {
    const why = kept ? `${text}\n  The service stays as the file has described it before.` : text
    this.emit({ kind: 'ignored', level: 'error', about: file, why })
  }
}
