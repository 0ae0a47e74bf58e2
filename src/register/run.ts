// The lifetime of one `reconfd register`: starts the sources, the registrar, the keeper and the command, and
// deregisters at the end.
import { printable } from '../core/escape.ts'
import type { Fault } from '../core/fault.ts'
import type { RegisterSettings } from '../core/register.ts'
import { VERSION } from '../core/version.ts'
import { exitCodeOf, startChild, type ChildProcess } from '../exec/child.ts'
import { commandEnvironment } from '../system/command-environment.ts'
import { ownAddress } from './address.ts'
import type { RunInContainer } from './checks/probe.ts'
import type { EmitRegister } from './event.ts'
import { RegistryKeeper } from './keeper.ts'
import { openMemory, registrarId } from './memory.ts'
import { openRegistry } from './registries/open.ts'
import type { RegistryMemory } from './registries/registry.ts'
import { Registrar } from './registrar.ts'
import type { ServiceSource } from './service.ts'
import { OwnSource, serviceFrom } from './sources/own.ts'

export type RegisterEnded =
  /** The command has exited with this exit code. */
  | { readonly kind: 'command'; readonly exit: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly exit: number; readonly fault: Fault }

export interface RegisterHooks {
  readonly emit: EmitRegister
  /** Ends the run when aborted, with the name of the signal as its reason. */
  readonly stop: AbortSignal
  /** Receives the command, to which signals are forwarded. */
  readonly onChild: (child: ChildProcess) => void
  /** Receives the objects that the status reads. */
  readonly onReady: (registrar: Registrar, keeper: RegistryKeeper, id: string) => void
  /** Prints one line of the output of -noop. */
  readonly print: (line: string) => void
}

/** Maximum milliseconds for deregistering at the end. */
const LEAVE_TIMEOUT = 5_000

const EXIT = { unreachable: 69, configuration: 78 } as const

export async function register(
  settings: RegisterSettings,
  hooks: RegisterHooks,
): Promise<RegisterEnded> {
  const id = registrarId(settings)
  const warn = ({ message }: Fault): void => hooks.emit({ kind: 'notice', level: 'warn', message })
  const memory = settings.noop
    ? { ok: true as const, value: noMemory }
    : await openMemory(settings.stateDir, id, warn)
  if (!memory.ok) return { kind: 'failed', exit: EXIT.configuration, fault: memory.error }
  const registry = await openRegistry(settings, id, memory.value)
  const { own, sources, address, exec } = await sourcesOf(settings, hooks.emit)
  const { refresh, resync, retryAttempts, retryInterval } = settings
  const keeper = new RegistryKeeper(registry, {
    emit: hooks.emit,
    refresh,
    resync,
    ...(retryAttempts === undefined ? {} : { attempts: retryAttempts }),
    ...(retryInterval === undefined ? {} : { pause: retryInterval }),
  })
  const registrar = new Registrar(sources, {
    registry,
    tags: settings.tags,
    emit: hooks.emit,
    want: (wants) => keeper.want(wants),
    ...(exec === undefined ? {} : { exec }),
  })
  const names = sources.map(({ name }) => name)
  hooks.emit({ kind: 'started', version: VERSION, to: settings.to.uri, sources: names, address })
  if (settings.noop) return dryRun(registrar, sources, own, hooks)
  return new RegisterRun(settings, hooks, keeper, registrar, sources, own).run(id)
}

class RegisterRun {
  readonly #leaving = new AbortController()

  constructor(
    private readonly settings: RegisterSettings,
    private readonly hooks: RegisterHooks,
    private readonly keeper: RegistryKeeper,
    private readonly registrar: Registrar,
    private readonly sources: readonly ServiceSource[],
    private readonly own: OwnSource | undefined,
  ) {}

  async run(id: string): Promise<RegisterEnded> {
    const { hooks, keeper, registrar, own } = this
    hooks.onReady(registrar, keeper, id)
    const kept = keeper.run()
    const { signal } = this.#leaving
    for (const source of this.sources) {
      void source.run((wanted) => registrar.set(source, wanted), signal)
    }
    const child = await this.#start()
    if (child !== undefined && !child.ok) {
      await this.#leave()
      return { kind: 'failed', ...child.error }
    }
    own?.up(child?.value.id.pid)
    const stopped = new Promise<'stopped'>((resolve) => {
      const onStop = (): void => resolve('stopped')
      if (hooks.stop.aborted) onStop()
      else hooks.stop.addEventListener('abort', onStop, { once: true })
    })
    const over = await Promise.race([
      stopped,
      kept.then((fault) => fault ?? ('stopped' as const)),
      ...(child === undefined ? [] : [child.value.exited]),
    ])
    if (over !== 'stopped' && 'kind' in over) {
      await child?.value.end()
      await this.#leave()
      return { kind: 'failed', exit: EXIT.unreachable, fault: over }
    }
    own?.down()
    if (over === 'stopped' && child !== undefined) await this.#drain(child.value)
    await this.#leave()
    if (child === undefined) return { kind: 'stopped' }
    // Also stops the other processes in the command's group.
    return { kind: 'command', exit: exitCodeOf(await child.value.end()) }
  }

  async #start() {
    const { command, killTimeout } = this.settings
    if (command === undefined) return undefined
    const argv = command as readonly [string, ...string[]]
    const child = await startChild({
      argv,
      env: () => commandEnvironment(),
      killSignal: 'SIGTERM',
      killTimeout,
    })
    if (!child.ok) return child
    const message = `started ${JSON.stringify(argv[0])} (pid ${child.value.id.pid})`
    this.hooks.emit({ kind: 'command', level: 'info', message })
    this.hooks.onChild(child.value)
    return child
  }

  /** Deregisters, waits for -drain, then signals the command. */
  async #drain(child: ChildProcess): Promise<void> {
    const { drain } = this.settings
    const gone = await Promise.race([
      this.keeper.settled(LEAVE_TIMEOUT),
      child.exited.then(() => true),
    ])
    if (!gone) {
      const message = 'the store is unreachable or slow: the entry may stay until its TTL expires'
      this.hooks.emit({ kind: 'notice', level: 'warn', message })
    }
    let timer: NodeJS.Timeout | undefined
    const over = new Promise((resolve) => (timer = setTimeout(resolve, drain)))
    await Promise.race([over, child.exited])
    clearTimeout(timer)
    await child.end(this.hooks.stop.reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM')
  }

  async #leave(): Promise<void> {
    await this.keeper.stop(LEAVE_TIMEOUT)
    this.registrar.stop()
    this.#leaving.abort()
  }
}

interface RegisterSources {
  readonly sources: readonly ServiceSource[]
  readonly own: OwnSource | undefined
  /** Address of this machine. */
  readonly address: string
  readonly exec?: RunInContainer
}

async function sourcesOf(settings: RegisterSettings, emit: EmitRegister): Promise<RegisterSources> {
  const { host, check, conf, docker, ttl, resync } = settings
  const address = settings.address ?? (await ownAddress(settings.connection.nodes)) ?? '127.0.0.1'
  if (settings.address === undefined && address === '127.0.0.1') {
    const message = 'this machine has no address except 127.0.0.1; set one with -ip'
    emit({ kind: 'notice', level: 'warn', message })
  }
  const defaults = { host, address, check }
  const own =
    settings.own === undefined ? undefined : new OwnSource(serviceFrom(settings.own, defaults))
  const sources: ServiceSource[] = own === undefined ? [] : [own]
  if (conf !== undefined) {
    const { ServiceFiles } = await import('./sources/files.ts')
    sources.push(new ServiceFiles(conf, defaults, emit))
  }
  if (docker === undefined) return { sources, own, address }
  const { Containers } = await import('./sources/containers.ts')
  const forced = settings.address !== undefined
  const containers = new Containers({ ...docker, ...defaults, forced, docker, ttl, resync }, emit)
  sources.push(containers)
  return { sources, own, address, exec: (...call) => containers.exec(...call) }
}

/** For -noop: stores nothing. */
const noMemory: RegistryMemory = { kept: {}, keep: async () => undefined }

/** Prints what would be registered, including services whose checks have not passed. */
async function dryRun(
  registrar: Registrar,
  sources: readonly ServiceSource[],
  own: OwnSource | undefined,
  { emit, stop, print }: RegisterHooks,
): Promise<RegisterEnded> {
  const leaving = new AbortController()
  stop.addEventListener('abort', () => leaving.abort(), { once: true })
  own?.up()
  await Promise.all(
    sources.map(
      (source) =>
        new Promise<void>((resolve) => {
          const once = (wanted: Parameters<Registrar['set']>[1]): void => {
            registrar.set(source, wanted)
            resolve()
          }
          void source.run(once, leaving.signal).then(resolve)
        }),
    ),
  )
  for (const { key, text, shown } of registrar.entries)
    print(`${printable(key)} = ${shown ?? text}`)
  registrar.stop()
  leaving.abort()
  if (stop.aborted) return { kind: 'stopped' }
  emit({ kind: 'notice', level: 'info', message: 'nothing was registered (-noop)' })
  return { kind: 'command', exit: 0 }
}
