// The keys of a catalog of services and nodes: `/services/<name>/<node>:<id>` and `/nodes/<name>`.
import type { Key } from './key.ts'

/** A name as one part of a key: IDs may hold slashes. */
const part = (name: string): string => name.replace(/[%/]/g, encodeURIComponent)

/** The name that a part of a key stands for. */
export const nameOfPart = (text: string): string =>
  text.replace(/%(25|2F)/gi, (_, code: string) => (code === '25' ? '%' : '/'))

/**
 * The name that a template means: `team/shop`, or `team%2Fshop` as listings of keys and the name of an item
 * have it.
 */
export const serviceNamed = (text: string): string =>
  /%(?:25|2F)/i.test(text) && !/%(?!25|2F)|\//i.test(text) ? nameOfPart(text) : text

export const serviceDir = (name: string): Key => `/services/${part(name)}`

export const instanceKey = (name: string, node: string, id: string): Key =>
  `${serviceDir(name)}/${part(node)}:${part(id)}`

export const nodeKey = (name: string): Key => `/nodes/${part(name)}`
