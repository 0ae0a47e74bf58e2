// The Prometheus metrics of a registrar. Labels have few distinct values: never the name or the id of a service.
import { Counter, Gauge, Registry } from 'prom-client'
import type { RegisterEvent } from './event.ts'
import { serviceStates, type RegisterStatus } from './status.ts'

export class RegisterMetrics {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType
  readonly #events = this.#counter('events_total', 'Events by kind.', 'event')
  readonly #checks = this.#counter('checks_total', 'Health checks by result.', 'result')
  readonly #services = this.#gauge('services', 'Services by state.', 'state')
  readonly #store = this.#gauge('store_up', '1 if the store is connected.', 'store')
  readonly #source = this.#gauge('source_up', '1 if the source can be read.', 'source')
  readonly #start = new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start time of the process, in seconds since the Unix epoch.',
    registers: [this.#registry],
  })
  readonly #memory = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process, in bytes.',
    registers: [this.#registry],
  })
  readonly #cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, in seconds, without the CPU time of commands.',
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
