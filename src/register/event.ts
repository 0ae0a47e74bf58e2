// The events of a registrar. The log, the status and the metrics listen to this one stream.
import type { Fault } from '../core/fault.ts'
import type { Service } from './service.ts'

export type RegisterEvent =
  | {
      readonly kind: 'started'
      readonly version: string
      /** The URI of the registry. */
      readonly to: string
      readonly sources: readonly string[]
      readonly address: string
    }
  | { readonly kind: 'notice'; readonly level: 'warn' | 'info' | 'debug'; readonly message: string }
  | {
      readonly kind: 'store-live'
      readonly store: string
      readonly node: string
      /** Number of our entries in the store. */
      readonly ours: number
    }
  | {
      readonly kind: 'store-away'
      readonly store: string
      readonly node: string
      readonly fault: Fault
      /** Milliseconds until the next attempt, on the next node. */
      readonly retryIn: number
    }
  /** Our lease or session has expired; everything is registered again. */
  | { readonly kind: 'lost'; readonly store: string; readonly what: string }
  | {
      readonly kind: 'registered'
      readonly service: Service
      readonly key: string
      /** True if an existing entry was updated, for example with a new address or other tags. */
      readonly changed: boolean
    }
  | { readonly kind: 'deregistered'; readonly key: string }
  | {
      readonly kind: 'refused'
      readonly service: Service
      readonly key: string
      readonly fault: Fault
    }
  | { readonly kind: 'renewed'; readonly entries: number }
  | { readonly kind: 'source-live'; readonly source: string; readonly services: number }
  | {
      readonly kind: 'source-away'
      readonly source: string
      readonly fault: Fault
      /** Milliseconds until the next attempt; null if the source is read again only when it changes. */
      readonly retryIn: number | null
    }
  /** A source has found something that cannot be registered, or cannot be registered as requested. */
  | {
      readonly kind: 'ignored'
      readonly level: 'warn' | 'error' | 'debug'
      /** The name of a container or a file, for example. */
      readonly about: string
      readonly why: string
    }
  | { readonly kind: 'checked'; readonly passed: boolean }
  | {
      readonly kind: 'health'
      readonly service: Service
      readonly healthy: boolean
      /** Why the last check failed; empty if it passed. */
      readonly why: string
    }
  | {
      readonly kind: 'command'
      readonly level: 'info' | 'warn' | 'debug'
      readonly message: string
    }
  | { readonly kind: 'stopping'; readonly reason: string }

export type EmitRegister = (event: RegisterEvent) => void
