// What can be asked of a running daemon, and what it answers: `reconfd status`, `why` and so on.
import type { Result } from './result.ts'
import type { FullStatus, ResourceHistory, Status } from './status.ts'

export const questionNames = ['status', 'why', 'resync', 'reload', 'accept'] as const
export type QuestionName = (typeof questionNames)[number]

export interface Question {
  readonly command: QuestionName
  /** The resource's name, with or without its `.toml`; for those commands that take one. */
  readonly resource?: string
}

export type Answer =
  | { readonly kind: 'status'; readonly status: Status }
  /** `at`: when it was true, ISO 8601. */
  | { readonly kind: 'history'; readonly history: ResourceHistory; readonly at: string }
  /** It was done, or is under way. */
  | { readonly kind: 'done'; readonly message: string }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'unknown-resource'; readonly name: string; readonly known: readonly string[] }

/** What a daemon lets be asked of it. Refusals are one sentence without a full stop. */
export interface Controls {
  status(): FullStatus
  /** Takes up what a former daemon knew of the past. */
  restore(former: FullStatus): void
  resync(): Result<void, string>
  reload(resource: string): Promise<Result<void, string>>
  accept(resource: string): Promise<Result<void, string>>
}

/** Why `accept` is refused. */
export const nothingHeld = (resource: string): string => `no change of ${resource} is held`

/** The resource that is meant: by its name, with or without its `.toml`. */
export const resourceNamed = <T extends { readonly name: string }>(
  name: string,
  resources: readonly T[],
): T | undefined =>
  resources.find((one) => one.name === name) ?? resources.find((one) => one.name === `${name}.toml`)
