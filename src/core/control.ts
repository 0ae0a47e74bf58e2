// The protocol of the control socket, behind `reconfd status`, `why`, `resync`, `reload` and `accept`.
import type { Result } from './result.ts'
import type { FullStatus, ResourceHistory, Status } from './status.ts'

export const controlCommands = ['status', 'why', 'resync', 'reload', 'accept'] as const
export type ControlCommand = (typeof controlCommands)[number]

export interface ControlRequest {
  readonly command: ControlCommand
  /** With or without `.toml`; only for the commands that take a resource. */
  readonly resource?: string
}

export type ControlResponse =
  | { readonly kind: 'status'; readonly status: Status }
  /** `at` is the time at which the history was recorded, in ISO 8601. */
  | { readonly kind: 'history'; readonly history: ResourceHistory; readonly at: string }
  /** The command has succeeded or has been started. */
  | { readonly kind: 'done'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unknown-resource'; readonly name: string; readonly known: readonly string[] }

/** The operations of a running daemon. An error is one sentence without a full stop. */
export interface DaemonControls {
  status(): FullStatus
  /** Adopts the history that an earlier run recorded. */
  restore(previous: FullStatus): void
  resync(): Result<void, string>
  reload(resource: string): Promise<Result<void, string>>
  accept(resource: string): Promise<Result<void, string>>
}

/** The error of `accept` when nothing is held. */
export const nothingHeldMessage = (resource: string): string => `no change of ${resource} is held`

/** Finds a resource by its name, with or without `.toml`. */
export const resourceNamed = <T extends { readonly name: string }>(
  name: string,
  resources: readonly T[],
): T | undefined =>
  resources.find((one) => one.name === name) ?? resources.find((one) => one.name === `${name}.toml`)
