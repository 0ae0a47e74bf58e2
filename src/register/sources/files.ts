// Reads services from files, one per file. If a file becomes invalid, its previous service stays.
import { readServiceFiles, type FileService } from '../../config/service-file.ts'
import { formatFault } from '../../core/fault.ts'
import { watchFiles } from '../../system/watch-files.ts'
import { Wakeup } from '../wakeup.ts'
import type { EmitRegister } from '../event.ts'
import type { ServiceSource, WantedService } from '../service.ts'
import { serviceFrom, type Defaults } from './own.ts'

export class ServiceFiles implements ServiceSource {
  readonly name: string
  readonly #wakeup = new Wakeup()
  /** By file. */
  #services = new Map<string, WantedService>()
  /** Reported faults by file. */
  #faults = new Map<string, string>()
  #isAway = false

  constructor(
    private readonly folder: string,
    private readonly defaults: Defaults,
    private readonly emit: EmitRegister,
  ) {
    this.name = folder
  }

  async run(want: (wanted: readonly WantedService[]) => void, signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wakeup.ring(), { once: true })
    // The watch opens before the files are read, so that no change is missed.
    const watch = await watchFiles([this.folder], () => this.#wakeup.ring())
    try {
      for (let first = true; !signal.aborted; first = false) {
        if (await this.#read(first)) want([...this.#services.values()])
        await this.#wakeup.wait(Infinity)
      }
    } finally {
      await watch.close()
    }
  }

  /** Reads all files. Returns false if the folder cannot be read. */
  async #read(first: boolean): Promise<boolean> {
    const files = await readServiceFiles(this.folder)
    if (!files.ok) {
      this.emit({ kind: 'source-away', source: this.name, fault: files.error, retryIn: null })
      this.#isAway = true
      return false
    }
    const services = new Map<string, WantedService>()
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

  #wanted(
    described: FileService,
    before: WantedService | undefined,
    first: boolean,
  ): WantedService {
    const { checks, ...own } = described
    const service = serviceFrom(own, this.defaults, checks)
    const isSame = JSON.stringify(before?.service) === JSON.stringify(service)
    return isSame && before !== undefined ? before : { service, life: '', fresh: !first }
  }

  #report(file: string, text: string, kept: boolean): void {
    const why = kept
      ? `${text}\n  The service stays registered with its previous definition.`
      : text
    this.emit({ kind: 'ignored', level: 'error', about: file, why })
  }
}
