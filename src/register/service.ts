// A service as it is registered: its name, its address, and its health checks.
import type { CheckKind, CheckSettings } from '../core/register.ts'

/** A check that we make, or that a store makes. */
export interface Check extends CheckSettings {
  readonly what: CheckKind
  /** The service counts as healthy until the check fails. */
  readonly passing?: true
}

export interface Service {
  readonly name: string
  readonly id: string
  /** Without brackets. */
  readonly address: string
  readonly port: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  readonly check?: Check
  /** Instead of `check`, in Consul: what its API calls a check, as the variables of a container describe it. */
  readonly native?: NativeCheck
  readonly container?: {
    /** ContainerID in registrator's ZooKeeper layout. */
    readonly hostname: string
    readonly privatePort: number
  }
}

export type NativeCheck = Readonly<Record<string, string | boolean | readonly string[]>>

/** A service that a source wants to be registered. */
export interface Wanted {
  readonly service: Service
  /**
   * Identifies one lifetime of the service: a restarted service has to be found healthy again.
   */
  readonly life: string
  /**
   * An entry of an earlier run cannot belong to this lifetime. Otherwise such an entry stays until the
   * first checks are done.
   */
  readonly fresh: boolean
  /** Registered after one success of this check, where the service has no check of its own. */
  readonly ready?: Check
}

/** Where services are found. */
export interface Source {
  /** For messages, such as `the container engine`. */
  readonly name: string
  /**
   * Reports all services, and all of them again whenever they change, until the signal is aborted.
   * Never rejects.
   */
  run(want: (wanted: readonly Wanted[]) => void, signal: AbortSignal): Promise<void>
}

/** `10.0.0.1:80`, `[::1]:80`. */
export const hostAndPort = ({ address, port }: Pick<Service, 'address' | 'port'>): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** For messages. */
export const nameOf = ({ name, id }: Pick<Service, 'name' | 'id'>): string => `${name}/${id}`
