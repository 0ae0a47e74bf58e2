// What a registrar tells of itself. The log, the status and the metrics listen to this one stream.
import type { Fault } from '../core/fault.ts'
import type { Service } from './service.ts'

export type RegisterEvent =
  | {
      readonly kind: 'started'
      readonly version: string
      readonly to: string
      readonly from: string
    }
  | { readonly kind: 'notice'; readonly level: 'warn' | 'info' | 'debug'; readonly message: string }
  | {
      readonly kind: 'store-live'
      readonly store: string
      readonly node: string
      readonly ours: number
    }
  | {
      readonly kind: 'store-away'
      readonly store: string
      readonly node: string
      readonly fault: Fault
      /** Milliseconds until the next node, or the same one again, is tried. */
      readonly retryIn: number
    }
  /** The lease or session has ended in the store: all is registered again. */
  | { readonly kind: 'lost'; readonly store: string; readonly what: string }
  | {
      readonly kind: 'registered'
      readonly service: Service
      readonly key: string
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
      readonly retryIn: number
    }
  /** Something that a source has found, and that is not registered, or not as it was meant. */
  | {
      readonly kind: 'ignored'
      readonly level: 'warn' | 'error' | 'debug'
      /** Such as the name of a container, or a file. */
      readonly about: string
      readonly why: string
    }
  | { readonly kind: 'checked'; readonly passed: boolean }
  | {
      readonly kind: 'health'
      readonly service: Service
      readonly healthy: boolean
      /** What the last check came to, when it failed. */
      readonly why: string
    }
  | {
      readonly kind: 'command'
      readonly message: string
      readonly level: 'info' | 'warn' | 'debug'
    }

export type EmitRegister = (event: RegisterEvent) => void
