// The single service that -name and -port describe. It belongs to the command, or to an independent process.
import type { CheckSettings, OwnService } from '../../core/register.ts'
import type { Service, ServiceSource, WantedService } from '../service.ts'

export interface Defaults {
  /** Name of this machine in ids. */
  readonly host: string
  /** Address of this machine. */
  readonly address: string
  readonly check: CheckSettings
}

/** @param checks check settings of the service, which override the defaults */
export function serviceFrom(
  { id, check, address, ...own }: OwnService,
  defaults: Defaults,
  checks: Partial<CheckSettings> = {},
): Service {
  const { host } = defaults
  const what = check === undefined ? {} : { check: { ...defaults.check, ...checks, what: check } }
  return {
    ...own,
    id: id ?? `${host}:${own.name}:${own.port}`,
    address: address ?? defaults.address,
    ...what,
  }
}

/** A source that wants its service registered from up() until down(). */
export class OwnSource implements ServiceSource {
  readonly name: string
  #want: ((wanted: readonly WantedService[]) => void) | undefined
  #wanted: readonly WantedService[] = []

  constructor(private readonly service: Service) {
    this.name = service.name
  }

  run(want: (wanted: readonly WantedService[]) => void, signal: AbortSignal): Promise<void> {
    this.#want = want
    want(this.#wanted)
    return new Promise((resolve) => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  /** @param pid process of the command; absent for an independent process, which may have been up for a long time */
  up(pid?: number): void {
    const { service } = this
    const what = { kind: 'tcp', local: true } as const
    // A command without a check counts as up when its port accepts connections.
    const settings = { interval: 1_000, timeout: 1_000, rise: 1, fall: 1 }
    const ready = pid === undefined ? {} : { ready: { ...settings, what } }
    this.#set([{ service, life: String(pid ?? ''), fresh: pid !== undefined, ...ready }])
  }

  down(): void {
    this.#set([])
  }

  #set(wanted: readonly WantedService[]): void {
    this.#wanted = wanted
    this.#want?.(wanted)
  }
}
