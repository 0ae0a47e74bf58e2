// The Prometheus metrics, derived from the event stream. Names follow https://prometheus.io/docs/practices/naming/:
// base units, and `_total` for counters. Labels have few values: stores, resources, results; never keys.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { CommandResult, Event } from '../core/event.ts'
import { ChildMetrics } from './child-metrics.ts'
import { states, type FullStatus } from '../core/status.ts'

/** Upper bounds in seconds. A render takes milliseconds; a reload may take a minute. */
const RENDER_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]
const COMMAND_BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

const passed = ({ exitCode, timedOut }: CommandResult): boolean => exitCode === 0 && !timedOut

export class Metrics {
  readonly #registry = new Registry()
  readonly contentType = this.#registry.contentType
  readonly #counters = this.#makeCounters()
  readonly #gauges = this.#makeGauges()
  readonly #histograms = this.#makeHistograms()
  #child: ChildMetrics | undefined
  /** Stores that have been live. Their next `store-live` event is a reconnect. */
  readonly #seen = new Set<string>()
  /** Failed attempts already counted since a store became unreachable. */
  readonly #tries = new Map<string, number>()
  /** Time at which each resource became dirty, until its reload succeeds or its files are found in sync. */
  readonly #dirtySince = new Map<string, number>()
  /** Whether any resource has an invalid definition. */
  #isRefused = false

  /** @param time milliseconds since the Unix epoch */
  note(event: Event, time: number): void {
    const { changes, renders, writes, written, checks, reloads, failures } = this.#counters
    const { reconnects, held, rollbacks, configurations } = this.#counters
    const { avoided, runtimeChanges, fallbacks } = this.#counters
    switch (event.kind) {
      case 'store-live':
        if (this.#seen.has(event.store)) reconnects.inc({ store: event.store })
        this.#seen.add(event.store)
        this.#countTries(event.store, event.tries ?? 0)
        this.#tries.delete(event.store)
        return
      case 'store-stale':
        this.#countTries(event.store, event.tries ?? 1)
        return
      case 'changed':
        changes.inc({ store: event.store })
        for (const name of event.resources) {
          if (!this.#dirtySince.has(name)) this.#dirtySince.set(name, time)
        }
        return
      case 'rendered':
        renders.inc({ resource: event.resource })
        this.#histograms.render.observe(event.duration / 1000)
        return
      case 'written':
        writes.inc({ resource: event.resource })
        written.inc({ resource: event.resource }, event.bytes)
        return
      case 'checked': {
        const result = passed(event.result) ? 'passed' : 'failed'
        checks.inc({ resource: event.resource, result })
        this.#histograms.check.observe(event.result.duration / 1000)
        return
      }
      case 'applied':
        if (!event.changed) this.#dirtySince.delete(event.resource)
        return
      case 'reloaded':
      case 'reload-owed': {
        const succeeded = event.kind === 'reloaded'
        const runtime = event.kind === 'reloaded' ? event.runtime : undefined
        if (runtime === undefined) this.#histograms.reload.observe(event.result.duration / 1000)
        else runtimeChanges.inc(runtime.length)
        if (event.fallback !== undefined) fallbacks.inc({ reason: event.fallback.code })
        for (const resource of event.resources) {
          if (runtime === undefined)
            reloads.inc({ resource, result: succeeded ? 'succeeded' : 'failed' })
          else avoided.inc({ resource })
          const since = this.#dirtySince.get(resource)
          if (!succeeded || since === undefined) continue
          this.#histograms.changeToReload.observe((time - since) / 1000)
          this.#dirtySince.delete(resource)
        }
        return
      }
      case 'failed':
        failures.inc({ resource: event.resource, step: event.at })
        this.#isRefused ||= event.at === 'configuration'
        return
      case 'held':
        held.inc({ resource: event.resource })
        return
      case 'rolled-back':
        rollbacks.inc({ resource: event.resource })
        return
      case 'started':
      case 'generation-loaded':
        this.#isRefused = false
        this.#retain(event.uses)
        configurations.inc({ result: 'loaded' })
        return
      case 'generation-kept':
        configurations.inc({ result: 'refused' })
        return
    }
  }

  /** Returns all metrics in Prometheus text format. */
  async text(status: FullStatus): Promise<string> {
    this.#measure(status)
    return this.#registry.metrics()
  }

  /** Sets the gauges from the status. */
  #measure({ version, started, at, stores, configuration, child, resources }: FullStatus): void {
    const { info, start, cpu, memory, up, behind, age, keys, state, owed, held, good } =
      this.#gauges
    for (const gauge of [info, up, behind, age, keys, state, owed, held]) gauge.reset()
    info.set({ version, node: process.versions.node }, 1)
    start.set(Date.parse(started) / 1000)
    const used = process.cpuUsage()
    cpu.reset()
    cpu.inc((used.user + used.system) / 1e6)
    memory.set(process.memoryUsage.rss())
    for (const store of stores) {
      const labels = { store: store.name }
      const isUp = store.state === 'live' || store.state === 'behind'
      up.set(labels, isUp ? 1 : 0)
      const lag = (store.lag ?? 0) / 1000
      behind.set(labels, lag)
      if (store.keys !== undefined) keys.set(labels, store.keys)
      const sinceLoss = (Date.parse(at) - Date.parse(store.since)) / 1000
      if (store.state !== 'waiting') age.set(labels, isUp ? lag : sinceLoss)
    }
    if (child !== undefined) (this.#child ??= new ChildMetrics(this.#registry)).measure(child)
    good.set(configuration === undefined && !this.#isRefused ? 1 : 0)
    for (const { name: resource, state: now, owedSince } of resources) {
      for (const one of states) state.set({ resource, state: one }, one === now ? 1 : 0)
      owed.set({ resource }, owedSince === undefined ? 0 : 1)
      held.set({ resource }, now === 'held' ? 1 : 0)
    }
  }

  /** Drops the state of removed resources. */
  #retain(names: Pick<ReadonlySet<string>, 'has'>): void {
    for (const name of this.#dirtySince.keys()) {
      if (!names.has(name)) this.#dirtySince.delete(name)
    }
  }

  /** Not every attempt causes an event, but each event carries the number of attempts. */
  #countTries(store: string, tries: number): void {
    const before = this.#tries.get(store) ?? 0
    // A smaller number than before means that a new outage has begun.
    this.#counters.storeFailures.inc({ store }, tries < before ? tries : tries - before)
    this.#tries.set(store, tries)
  }

  #makeCounters() {
    const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
      new Counter({ name: `reconfd_${name}`, help, labelNames, registers: [this.#registry] })
    return {
      storeFailures: counter('store_failures_total', 'Failed connections to nodes.', 'store'),
      reconnects: counter('store_reconnects_total', 'Reconnects after a failure.', 'store'),
      changes: counter('store_changes_total', 'Change events received from a store.', 'store'),
      renders: counter('renders_total', 'Renders of the templates.', 'resource'),
      writes: counter('writes_total', 'Files written or removed.', 'resource'),
      written: counter('written_bytes_total', 'Bytes written.', 'resource'),
      checks: counter('checks_total', 'Runs of check commands.', 'resource', 'result'),
      reloads: counter('reloads_total', 'Runs of reload commands.', 'resource', 'result'),
      avoided: counter('reloads_avoided_total', 'Reloads avoided by run-time changes.', 'resource'),
      runtimeChanges: counter(
        'haproxy_runtime_changes_total',
        'HAProxy servers changed at run time.',
      ),
      fallbacks: counter(
        'haproxy_fallbacks_total',
        'HAProxy reloads that run-time changes could not replace.',
        'reason',
      ),
      failures: counter('failures_total', 'Failures before a reload.', 'resource', 'step'),
      held: counter('held_total', 'Changes that were held.', 'resource'),
      rollbacks: counter('rollbacks_total', 'Rollbacks to the last good files.', 'resource'),
      configurations: counter('configuration_loads_total', 'Configuration loads.', 'result'),
    }
  }

  #makeGauges() {
    const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
      new Gauge({ name, help, labelNames, registers: [this.#registry] })
    return {
      info: gauge('reconfd_build_info', 'Always 1; see the labels.', 'version', 'node'),
      start: gauge(
        'process_start_time_seconds',
        'Start time of the process, in seconds since the Unix epoch.',
      ),
      cpu: new Counter({
        name: 'process_cpu_seconds_total',
        help: 'CPU time of the process, in seconds, without the CPU time of commands.',
        registers: [this.#registry],
      }),
      memory: gauge('process_resident_memory_bytes', 'Resident memory of the process, in bytes.'),
      up: gauge('reconfd_store_up', '1 if the store is connected, else 0.', 'store'),
      behind: gauge(
        'reconfd_store_behind_seconds',
        'Delay of changes from the store, in seconds; 0 if there is no delay.',
        'store',
      ),
      age: gauge(
        'reconfd_store_last_sync_age_seconds',
        'Maximum age of the known keys, in seconds; 0 while the store is live and not behind.',
        'store',
      ),
      keys: gauge('reconfd_store_keys', 'Keys in the store when it became live.', 'store'),
      state: gauge(
        'reconfd_resource_state',
        '1 for the current state, 0 for all others.',
        'resource',
        'state',
      ),
      owed: gauge('reconfd_resource_owed', '1 if a reload is owed.', 'resource'),
      held: gauge('reconfd_resource_held', '1 if a change is held.', 'resource'),
      good: gauge('reconfd_configuration_good', '1 if conf.d is valid, else 0.'),
    }
  }

  #makeHistograms() {
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `reconfd_${name}`, help, buckets, registers: [this.#registry] })
    return {
      render: histogram('render_duration_seconds', 'Duration of renders.', RENDER_BUCKETS),
      check: histogram('check_duration_seconds', 'Duration of check commands.', COMMAND_BUCKETS),
      reload: histogram('reload_duration_seconds', 'Duration of reload commands.', COMMAND_BUCKETS),
      changeToReload: histogram(
        'change_to_reload_seconds',
        'Time from a changed key to the end of the resulting reload.',
        COMMAND_BUCKETS,
      ),
    }
  }
}
