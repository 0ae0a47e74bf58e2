// Runs one check of one service.
import { request as requestHttp } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import { runCommand } from '../../apply/command.ts'
import type { CheckKind } from '../../core/register.ts'
import { hostAndPort, type HealthCheck, type Service } from '../service.ts'

/** Undefined if the check passed, else a short reason, which contains nothing from the service's response. */
export type ProbeResult = string | undefined

/** Runs a command in a container. */
export type RunInContainer = (
  container: string,
  command: string,
  signal: AbortSignal,
) => Promise<boolean>

/**
 * Never rejects.
 * @param exec undefined if there is no container engine
 */
export async function probe(
  { what, timeout }: HealthCheck,
  service: Service,
  signal: AbortSignal,
  exec?: RunInContainer,
): Promise<ProbeResult> {
  if (what.kind === 'command') {
    const { exitCode, signal: killedBy, timedOut } = await runCommand(what.command, { timeout })
    if (timedOut) return `the command timed out after ${timeout} ms`
    if (killedBy !== null) return `the command was killed by ${killedBy}`
    if (exitCode === null) return 'the command could not be started'
    return exitCode === 0 ? undefined : `the command ended with exit code ${exitCode}`
  }
  const limit = new AbortController()
  const end = (): void => limit.abort()
  const timer = setTimeout(end, timeout)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await networkProbe(what, service, limit.signal, exec)
  } catch (error) {
    if (limit.signal.aborted) return `no answer within ${timeout} ms`
    return (error as NodeJS.ErrnoException).code ?? 'the connection failed'
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

async function networkProbe(
  what: Exclude<CheckKind, { kind: 'command' }>,
  service: Service,
  signal: AbortSignal,
  exec: RunInContainer | undefined,
): Promise<ProbeResult> {
  switch (what.kind) {
    case 'http': {
      const status = await httpStatus(what, signal)
      return status >= 200 && status < 400 ? undefined : `HTTP ${status}`
    }
    case 'tcp': {
      const { host = service.address, port = service.port, local = false } = what
      const hosts = local ? [host, '127.0.0.1', '::1'] : [host]
      await Promise.any(hosts.map((one) => accepts(one, port, signal))).catch(
        ({ errors }: AggregateError) => {
          throw errors[0]
        },
      )
      return undefined
    }
    case 'grpc':
      return isServing(service, what, signal)
    case 'exec': {
      const passed = await exec?.(what.container, what.command, signal)
      return passed === true ? undefined : 'the command in the container failed'
    }
  }
}

function httpStatus(
  { url, method = 'GET', insecure = false }: Extract<CheckKind, { kind: 'http' }>,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { method, signal, agent: false, headers: { 'user-agent': 'reconfd' } }
    const sent = /^https:/i.test(url)
      ? requestHttps(url, { ...options, rejectUnauthorized: !insecure })
      : requestHttp(url, options)
    sent
      .on('error', reject)
      .on('response', (response) => {
        response.destroy()
        resolve(response.statusCode ?? 0)
      })
      .end()
  })
}

function accepts(host: string, port: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const end = (error?: Error): void => {
      signal.removeEventListener('abort', aborted)
      socket.destroy()
      if (error === undefined) resolve()
      else reject(error)
    }
    const aborted = (): void => end(new Error('aborted'))
    signal.addEventListener('abort', aborted, { once: true })
    socket.once('connect', () => end()).on('error', end)
  })
}

/**
 * Sizes in bytes of a message's header and of a whole reply. A reply consists of a header and field 1, an enum in which
 * SERVING is 1.
 */
const [HEADER, REPLY] = [5, 7]

/** Checks the whole server: https://github.com/grpc/grpc/blob/master/doc/health-checking.md. */
function isServing(
  service: Service,
  { tls, insecure }: Extract<CheckKind, { kind: 'grpc' }>,
  signal: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const url = `${tls ? 'https' : 'http'}://${hostAndPort(service)}`
    const client = connectHttp2(url, { rejectUnauthorized: !insecure })
    const end = (outcome: ProbeResult | Error): void => {
      signal.removeEventListener('abort', aborted)
      client.destroy()
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    const aborted = (): void => end(new Error('aborted'))
    signal.addEventListener('abort', aborted, { once: true })
    client.on('error', end)
    let head: Buffer = Buffer.alloc(0)
    const stream = client.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream
      .on('error', end)
      .on('data', (chunk: Buffer) => {
        // A service may send an endless response.
        if (head.length < REPLY) head = Buffer.concat([head, chunk]).subarray(0, REPLY)
      })
      .on('end', () => {
        const [field, status] = head.subarray(HEADER)
        end(field === 0x08 && status === 1 ? undefined : 'the status is not SERVING')
      })
      // An empty, uncompressed request.
      .end(Buffer.alloc(HEADER))
  })
}
