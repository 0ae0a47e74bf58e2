// A service as it is registered: what it is called, where it is, and what says that it is healthy.
import type { CheckKind, CheckSettings } from '../core/register.ts'

/** A check that we make ourselves, where the store makes none. */
export interface Check extends CheckSettings {
  readonly what: CheckKind
}

/**
 * A check as registrator's variables describe it, which Consul makes. The texts are durations and the like,
 * looked at before.
 */
export interface NativeCheck {
  readonly kind: 'http' | 'tcp' | 'grpc' | 'script' | 'ttl'
  /** Consul's own names. */
  readonly definition: Readonly<Record<string, string | boolean | number | readonly string[]>>
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
  /** Instead of `check`, in Consul. */
  readonly native?: NativeCheck
  readonly container?: {
    /** What registrator's ZooKeeper layout calls ContainerID. */
    readonly hostname: string
    readonly privatePort: number
    /** All attributes, those of checks included. */
    readonly attributes: Readonly<Record<string, string>>
  }
}

/** What a source wants to be registered. */
export interface Wanted {
  readonly service: Service
  /**
   * Nothing that an earlier run has registered can be this: with a check, it is registered after the first
   * success only. Otherwise an entry of an earlier run stays until its health is known.
   */
  readonly fresh?: true
}

/** `10.0.0.1:80`, `[::1]:80`. */
export const hostAndPort = ({ address, port }: Pick<Service, 'address' | 'port'>): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`

/** For messages. */
export const nameOf = ({ name, id }: Pick<Service, 'name' | 'id'>): string => `${name}/${id}`
