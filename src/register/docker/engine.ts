// Client of the Docker Engine API, which podman serves too. Responses are validated before use, because names, labels
// and variables are chosen by the users who start containers.
import { join } from 'node:path'
import { FaultError } from '../../core/fault.ts'
import type { DockerSettings } from '../../core/register.ts'
import {
  isListOf,
  isNullOr,
  isNumber,
  isOptional,
  isRecordOf,
  hasShape,
  isText,
  type ShapeCheck,
} from '../../core/shape.ts'
import { eventsIn, jsonIn, type EngineEvent } from './events.ts'
import { openHttp, type HttpClient } from '../../stores/http.ts'

/** The fields that reconfd uses. Podman omits some of them, or sets them to null. */
export interface Container {
  readonly Id: string
  /** With a leading slash. */
  readonly Name: string
  /** Image id. */
  readonly Image?: string
  readonly State: {
    readonly Running?: boolean
    readonly StartedAt?: string
    readonly ExitCode?: number
  }
  readonly Config: {
    readonly Image?: string
    readonly Hostname?: string
    readonly Env?: readonly string[] | null
    readonly Labels?: Readonly<Record<string, string>> | null
    readonly ExposedPorts?: Readonly<Record<string, unknown>> | null
  }
  readonly HostConfig?: { readonly NetworkMode?: string }
  readonly NetworkSettings: {
    readonly IPAddress?: string
    readonly GlobalIPv6Address?: string
    readonly Ports?: Readonly<Record<string, readonly PortBinding[] | null>> | null
    readonly Networks?: Readonly<Record<string, Network | null>> | null
  }
}

export interface PortBinding {
  readonly HostIp?: string
  readonly HostPort?: string
}

export interface Network {
  readonly IPAddress?: string
  readonly GlobalIPv6Address?: string
}

const binding = hasShape({ HostIp: isOptional(isText), HostPort: isOptional(isText) })
const network = hasShape({ IPAddress: isOptional(isText), GlobalIPv6Address: isOptional(isText) })
const isPorts = isOptional(isNullOr(isRecordOf(() => true)))
const isContainer = hasShape({
  Id: isText,
  Name: isText,
  Image: isOptional(isText),
  State: hasShape({ StartedAt: isOptional(isText), ExitCode: isOptional(isNumber) }),
  Config: hasShape({
    Image: isOptional(isText),
    Hostname: isOptional(isText),
    Env: isOptional(isNullOr(isListOf(isText))),
    Labels: isOptional(isNullOr(isRecordOf(isText))),
    ExposedPorts: isPorts,
  }),
  HostConfig: isOptional(hasShape({ NetworkMode: isOptional(isText) })),
  NetworkSettings: hasShape({
    IPAddress: isOptional(isText),
    GlobalIPv6Address: isOptional(isText),
    Ports: isOptional(isNullOr(isRecordOf(isNullOr(isListOf(binding))))),
    Networks: isOptional(isNullOr(isRecordOf(isNullOr(network)))),
  }),
})
const isVersion = hasShape({ MinAPIVersion: isOptional(isText) })
const isList = isListOf(hasShape({ Id: isText }))

/** A running container, as listed. */
export interface Listed {
  readonly id: string
  /** Changes whenever a listed field changes, except the uptime. */
  readonly summary: string
}
/** The API version of Docker 19.03; podman 4 serves it too. Docker 29 serves no version below 1.44. */
const API = [1, 40] as const
/** Limits in bytes, large enough for a list of ten thousand containers. */
const LIMITS = { body: 256 * 2 ** 20, message: 16 * 2 ** 20 }
/** Request timeout in milliseconds. An engine that is stopping a hundred containers answers slowly. */
const TIMEOUT = 20_000

export class ContainerEngine {
  readonly #http: HttpClient
  /** The beginning of all paths, such as `/v1.40`. */
  #api: string | undefined

  readonly address: string

  constructor({ engine, certificates }: Pick<DockerSettings, 'engine' | 'certificates'>) {
    this.address = engine
    const scheme = certificates === undefined ? 'http' : 'https'
    const node = engine.replace(/^tcp:/, `${scheme}:`).replace(/(?<=:\/\/[^/]+)\/$/, '')
    const tls =
      certificates === undefined
        ? {}
        : {
            clientCert: join(certificates, 'cert.pem'),
            clientKey: join(certificates, 'key.pem'),
            clientCaKeys: join(certificates, 'ca.pem'),
          }
    this.#http = openHttp(node, {
      connection: { nodes: [node], scheme, ...tls },
      limits: LIMITS,
      product: 'the container engine',
      port: scheme === 'http' ? 2375 : 2376,
    })
  }

  /** Lists all running containers. @throws FaultError */
  async running(signal: AbortSignal): Promise<readonly Listed[]> {
    const containers = await this.#get('/containers/json', isList, signal)
    return (
      containers as readonly (object & { readonly Id: string; readonly Status?: unknown })[]
    ).map(
      // Omits Status, such as "Up 3 minutes", because it changes with time even if the container does not.
      ({ Status: _, ...container }) => ({ id: container.Id, summary: JSON.stringify(container) }),
    )
  }

  /** Returns undefined if the container does not exist. @throws FaultError */
  async inspect(id: string, signal: AbortSignal): Promise<Container | undefined> {
    const path = `/containers/${encodeURIComponent(id)}/json`
    return (await this.#get(path, isContainer, signal)) as Container | undefined
  }

  /** Returns the ports that an image exposes. @throws FaultError */
  async exposedBy(
    image: string,
    signal: AbortSignal,
  ): Promise<Container['Config']['ExposedPorts']> {
    const isImage = hasShape({ Config: isOptional(isNullOr(hasShape({ ExposedPorts: isPorts }))) })
    const found = await this.#get(`/images/${encodeURIComponent(image)}/json`, isImage, signal)
    return (found as { Config?: Container['Config'] } | undefined)?.Config?.ExposedPorts
  }

  /**
   * Yields events until the connection ends; undefined for an invalid line. Resolves when the engine has
   * accepted the request.
   * @throws FaultError
   */
  async events(signal: AbortSignal): Promise<AsyncIterable<EngineEvent | undefined>> {
    const filters = encodeURIComponent(JSON.stringify({ type: ['container', 'network'] }))
    const path = `${await this.#version(signal)}/events?filters=${filters}`
    const { status, lines } = await this.#http.lines(path, { signal, timeout: 0 })
    if (status !== 200) throw this.#refused(status)
    return eventsIn(lines)
  }

  /** Runs a command in a container. @returns whether it succeeded @throws FaultError */
  async run(id: string, command: readonly string[], signal: AbortSignal): Promise<boolean> {
    const path = `/containers/${encodeURIComponent(id)}/exec`
    const made = await this.#post(path, { Cmd: command, AttachStdout: true }, signal)
    const { Id } = made as { Id: string }
    // The engine responds when the command has ended.
    await this.#send('POST', `/exec/${encodeURIComponent(Id)}/start`, { Detach: false }, signal)
    const isEnded = hasShape({ ExitCode: isNullOr(isNumber) })
    const ended = await this.#get(`/exec/${encodeURIComponent(Id)}/json`, isEnded, signal)
    return (ended as { ExitCode: number | null } | undefined)?.ExitCode === 0
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #get(path: string, check: ShapeCheck, signal: AbortSignal): Promise<unknown> {
    const { status, body } = await this.#send('GET', path, undefined, signal)
    if (status === 404 && path !== '/containers/json') return undefined
    if (status !== 200) throw this.#refused(status)
    return this.#parse(body, check)
  }

  async #post(path: string, body: object, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#send('POST', path, body, signal)
    if (answer.status >= 300) throw this.#refused(answer.status)
    return this.#parse(answer.body, hasShape({ Id: isText }))
  }

  /** Returns the newer of two API versions: the one that reconfd prefers, and the oldest that the engine serves. */
  async #version(signal: AbortSignal): Promise<string> {
    if (this.#api !== undefined) return this.#api
    const { status, body } = await this.#http.request('/version', { signal, timeout: TIMEOUT })
    // A proxy may refuse requests for /version.
    const about = status === 200 ? this.#parse(body, isVersion) : {}
    const { MinAPIVersion = '' } = about as { MinAPIVersion?: string }
    const [, major, minor] = /^(\d+)\.(\d+)$/.exec(MinAPIVersion) ?? []
    const least = [Number(major ?? 0), Number(minor ?? 0)] as const
    const isNewer = least[0] > API[0] || (least[0] === API[0] && least[1] > API[1])
    return (this.#api = `/v${(isNewer ? least : API).join('.')}`)
  }

  async #send(method: 'GET' | 'POST', path: string, body: object | undefined, signal: AbortSignal) {
    return this.#http.request((await this.#version(signal)) + path, {
      method,
      signal,
      timeout: TIMEOUT,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
  }

  #parse(body: string, check: ShapeCheck): unknown {
    const value = jsonIn(body)
    if (check(value)) return value
    throw new FaultError({
      kind: 'store',
      message: `invalid response from the container engine at ${this.address}`,
      hint: 'check -docker: it must be the socket of Docker or podman',
    })
  }

  #refused(status: number): FaultError {
    return new FaultError({
      kind: 'store',
      message: `the container engine at ${this.address} failed (HTTP ${status})`,
      ...(status === 404
        ? { hint: 'check -docker: it must be the socket of Docker or podman' }
        : {}),
    })
  }
}
