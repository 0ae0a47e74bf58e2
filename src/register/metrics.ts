// The metrics of a registrar, as Prometheus reads them. Labels have few values: never a name or an id.
import { Counter, Gauge, Registry } from 'prom-client'
import type { RegisterEvent } from './event.ts'
import { serviceStates, type RegisterStatus } from './status.ts'

export class RegisterMetrics {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType
  readonly #events = this.#counter('events_total', 'What has happened.', 'event')
  readonly #checks = this.#counter('checks_total', 'Health checks.', 'result')
  readonly #services = this.#gauge('services', 'Services by their state.', 'state')
  readonly #store = this.#gauge('store_up', '1 when the store is live.', 'store')
  readonly #source = this.#gauge('source_up', '1 when the source is live.', 'source')
  readonly #start = new Gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, in Unix time.',
    registers: [this.#registry],
  })
  readonly #memory = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process.',
    registers: [this.#registry],
  })
  readonly #cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the process, without that of commands.',
    registers: [this.#registry],
  })

  note(event: RegisterEvent): void {
    if (event.kind === 'checked') {
      this.#checks.inc({ result: event.passed ? 'passed' : 'failed' })
    } else if (COUNTED.has(event.kind)) {
      this.#events.inc({ event: event.kind })
    }
  }

  async text({ started, store, sources, services }: RegisterStatus): Promise<string> {
    for (const gauge of [this.#services, this.#store, this.#source]) gauge.reset()
    for (const one of serviceStates) {
      this.#services.set({ state: one }, services.filter(({ state }) => state === one).length)
    }
    this.#store.set({ store: store.name }, store.live ? 1 : 0)
    for (const { name, live } of sources) this.#source.set({ source: name }, live ? 1 : 0)
    this.#start.set(Date.parse(started) / 1000)
    this.#memory.set(process.memoryUsage.rss())
    const { user, system } = process.cpuUsage()
    this.#cpu.reset()
    this.#cpu.inc((user + system) / 1e6)
    return this.#registry.metrics()
  }

  #counter<L extends string>(name: string, help: string, ...labelNames: L[]) {
    const full = `reconfd_register_${name}`
    return new Counter({ name: full, help, labelNames, registers: [this.#registry] })
  }

  #gauge<L extends string>(name: string, help: string, ...labelNames: L[]) {
    const full = `reconfd_register_${name}`
    return new Gauge({ name: full, help, labelNames, registers: [this.#registry] })
  }
}

const COUNTED: ReadonlySet<RegisterEvent['kind']> = new Set([
  'registered',
  'deregistered',
  'refused',
  'renewed',
  'lost',
  'store-away',
  'source-away',
  'health',
])
