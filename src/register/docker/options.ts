// Options for deriving services from containers, and the remarks that result.
import type { CheckSettings, DockerSettings } from '../../core/register.ts'

export interface ContainerOptions extends Pick<
  DockerSettings,
  'internal' | 'explicit' | 'ipLabel' | 'allowScripts'
> {
  /** Name of this machine in ids. */
  readonly host: string
  /** Address of this machine. */
  readonly address: string
  /** Whether `address` was set with -ip; it then overrides the address on which a port is published. */
  readonly forced: boolean
  readonly check: CheckSettings
}

export interface Remark {
  readonly level: 'warn' | 'debug'
  /** The container's name. */
  readonly about: string
  readonly why: string
}

export type RemarkHandler = (level: Remark['level'], why: string) => void
