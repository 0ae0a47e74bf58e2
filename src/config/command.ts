// What a command line asks for, once it is understood.
import type { ControlRequest } from '../core/control.ts'
import type { Fault } from '../core/fault.ts'
import type { RegisterSettings } from '../core/register.ts'
import type { Settings } from '../core/settings.ts'
import type { Notice } from './notice.ts'

/** What the command line asks for. */
export type Command =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly settings: Settings; readonly notices: readonly Notice[] }
  | {
      readonly kind: 'ask'
      readonly question: ControlRequest
      readonly json: boolean
      /** Shown again whenever it changes. */
      readonly follow: boolean
      readonly settings: Settings
    }
  | CheckCommand
  | TestCommand
  | SnapshotCommand
  | RegisterCommand
  | {
      readonly kind: 'print'
      readonly what: 'schema' | 'completion' | 'man'
      /** A kind of file, or a shell; of the manual page nothing. */
      readonly of: string
    }

/** `reconfd check`. */
export interface CheckCommand {
  readonly kind: 'check'
  /** Of what is right in them. */
  readonly settings: Settings
  readonly faults: readonly Fault[]
  /** Files that this machine lacks; the one that the settings are for may have them. */
  readonly doubts: readonly Fault[]
  readonly notices: readonly Notice[]
  readonly json: boolean
  readonly preflight: boolean
  readonly validate: boolean
}

/** `reconfd snapshot`. */
export interface SnapshotCommand {
  readonly kind: 'snapshot'
  readonly settings: Settings
  /** Absolute; absent: standard output. */
  readonly out?: string
}

/** `reconfd register`. */
export type RegisterCommand =
  | {
      readonly kind: 'register'
      readonly settings: RegisterSettings
      readonly notices: readonly Notice[]
    }
  | {
      readonly kind: 'register-status'
      readonly stateDir: string
      readonly json: boolean
    }

/** `reconfd test`. */
export interface TestCommand {
  readonly kind: 'test'
  /** Absent: the folder `tests` of the confdir. */
  readonly folder?: string
  /** As they were given; without them the tests find their own. */
  readonly confdir?: string
  readonly confFile?: string
  readonly update: boolean
  /** Absolute. */
  readonly junit?: string
  readonly logFormat: Settings['logFormat']
}

/** 64: the command line is wrong. 78: the environment or confd.toml is. */
export interface SettingsFaults {
  readonly exit: 64 | 78
  readonly faults: readonly Fault[]
  /** How to report them: as was asked for by what could be read. */
  readonly logFormat: Settings['logFormat']
}
