// The parsed command line.
import type { ControlRequest } from '../core/control.ts'
import type { Fault } from '../core/fault.ts'
import type { RegisterSettings } from '../core/register.ts'
import type { Settings } from '../core/settings.ts'
import type { SettingsNotice } from './notice.ts'

/** The command to execute, with its settings. */
export type ParsedCommand =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly text: string }
  | {
      readonly kind: 'run'
      readonly settings: Settings
      readonly notices: readonly SettingsNotice[]
    }
  | {
      readonly kind: 'ask'
      readonly question: ControlRequest
      readonly json: boolean
      /** Whether to repeat the output on every change. */
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
      /** The kind of schema to print, or the shell to complete commands for; empty for the manual page. */
      readonly of: string
    }

/** `reconfd check`. */
export interface CheckCommand {
  readonly kind: 'check'
  /** Settings built from the valid values. */
  readonly settings: Settings
  readonly faults: readonly Fault[]
  /** Faults that may not occur on the target machine, such as a missing file. */
  readonly doubts: readonly Fault[]
  readonly notices: readonly SettingsNotice[]
  readonly json: boolean
  readonly preflight: boolean
  readonly validate: boolean
}

/** `reconfd snapshot`. */
export interface SnapshotCommand {
  readonly kind: 'snapshot'
  readonly settings: Settings
  /** Absolute path; absent: standard output. */
  readonly out?: string
}

/** `reconfd register`. */
export type RegisterCommand =
  | {
      readonly kind: 'register'
      readonly settings: RegisterSettings
      readonly notices: readonly SettingsNotice[]
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
  /** From the command line or the environment. Absent: each test finds its own confdir. */
  readonly confdir?: string
  /** From the command line or the environment. Absent: each test finds its own settings file. */
  readonly confFile?: string
  readonly update: boolean
  /** Absolute path. */
  readonly junit?: string
  readonly logFormat: Settings['logFormat']
}

export interface SettingsFaults {
  /** 64: the command line is invalid. 78: the environment or confd.toml is invalid. */
  readonly exit: 64 | 78
  readonly faults: readonly Fault[]
  /** The log format, according to the values that could be read. */
  readonly logFormat: Settings['logFormat']
}
