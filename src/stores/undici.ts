// The parts of undici that the stores use, imported from where they live: the package's front
// door also loads fetch, WebSocket and caches, which costs some 80 ms at every start.
import type { buildConnector as BuildConnector, Dispatcher, Pool as PoolClass } from 'undici'
// @ts-expect-error an inner path carries no types; they are put back below
import InnerPool from 'undici/lib/dispatcher/pool.js'
// @ts-expect-error likewise
import innerConnector from 'undici/lib/core/connect.js'
// @ts-expect-error likewise
import innerRequest from 'undici/lib/api/api-request.js'

/** https://undici.nodejs.org/#/docs/api/Pool */
export const Pool = InnerPool as typeof PoolClass
export type Pool = PoolClass

/** https://undici.nodejs.org/#/docs/api/Connector */
export const buildConnector = innerConnector as typeof BuildConnector
export type Connector = ReturnType<typeof BuildConnector>

const request = innerRequest as (
  this: Pool,
  options: Dispatcher.RequestOptions,
) => Promise<Dispatcher.ResponseData>

/** `pool.request(options)`, which only undici's front door puts on the class. */
export const requestOn = (
  pool: Pool,
  options: Dispatcher.RequestOptions,
): Promise<Dispatcher.ResponseData> => request.call(pool, options)
