// How services are made out of containers, and what is remarked on the way.
import type { CheckSettings, DockerSettings } from '../../core/register.ts'

export interface ContainerOptions extends Pick<
  DockerSettings,
  'internal' | 'explicit' | 'ipLabel' | 'allowScripts'
> {
  /** The name of this machine in ids. */
  readonly host: string
  /** Of this machine. */
  readonly address: string
  /** `address` was given with -ip: it wins over the address that a port is published on. */
  readonly forced: boolean
  readonly check: CheckSettings
}

export interface Remark {
  readonly level: 'warn' | 'debug'
  /** The container by its name. */
  readonly about: string
  readonly why: string
}

export type Report = (level: Remark['level'], why: string) => void
