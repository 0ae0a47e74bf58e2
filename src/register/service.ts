// A service to register: its name, address and health checks.
import type { CheckKind, CheckSettings } from '../core/register.ts'

/** A health check, run by reconfd or by the store. */
export interface HealthCheck extends CheckSettings {
  readonly what: CheckKind
  /** The service counts as healthy until the check fails. */
  readonly passing?: true
}

export interface Service {
  readonly name: string
  readonly id: string
  /** IP address without brackets. */
  readonly address: string
  readonly port: number
  readonly tags: readonly string[]
  readonly meta: Readonly<Record<string, string>>
  readonly check?: HealthCheck
  /** A check in the format of Consul's API, from a container's variables. With Consul, it replaces `check`. */
  readonly native?: NativeCheck
  readonly container?: {
    /** Stored as ContainerID in registrator's ZooKeeper layout. */
    readonly hostname: string
    readonly privatePort: number
  }
}

export type NativeCheck = Readonly<Record<string, string | boolean | readonly string[]>>

/** A service that a source wants registered. */
export interface WantedService {
  readonly service: Service
  /**
   * Identifies one lifetime of the service. A restarted service must pass its checks again.
   */
  readonly life: string
  /**
   * True if no entry of an earlier run can belong to this lifetime. Otherwise an existing entry stays until
   * the first checks have run.
   */
  readonly fresh: boolean
  /** Readiness check for a service without a check. One success registers the service. */
  readonly ready?: HealthCheck
}

/** A source of services. */
export interface ServiceSource {
  /** Name in messages, such as `the container engine`. */
  readonly name: string
  /**
   * Reports all services at the start and after every change, until the signal is aborted.
   * Never rejects.
   */
  run(want: (wanted: readonly WantedService[]) => void, signal: AbortSignal): Promise<void>
}

/** `10.0.0.1:80`, `[::1]:80`. */
export const hostAndPort = ({ address, port }: Pick<Service, 'address' | 'port'>): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** Name in messages. */
export const serviceLabel = ({ name, id }: Pick<Service, 'name' | 'id'>): string => `${name}/${id}`
