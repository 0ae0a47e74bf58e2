// The changes to the servers of a running HAProxy process, and the reasons for a reload instead.
import type { Server, ServerAddress, ServerLine } from './server.ts'

/** Why a reload is needed. */
export interface ReloadReason {
  /** Short name for metrics. */
  readonly code: string
  /** A sentence without a full stop. Quotes from the file only names of sections, servers, options and modes. */
  readonly text: string
}

export type ServerChange = { readonly backend: string; readonly name: string } & (
  | { readonly kind: 'add'; readonly place: ServerAddress; readonly server: Server }
  /** A server being removed comes back. */
  | { readonly kind: 'return'; readonly server: Server }
  | { readonly kind: 'place'; readonly place: ServerAddress }
  | { readonly kind: 'weight'; readonly weight: number }
  | { readonly kind: 'state'; readonly server: Server }
  | { readonly kind: 'remove'; readonly line: ServerLine; readonly gently: boolean }
)
