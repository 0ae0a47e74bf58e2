// One check of one service: whether it is well right now.
import { request as requestHttp } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestHttps } from 'node:https'
import { connect } from 'node:net'
import { runCommand } from '../../apply/command.ts'
import type { CheckKind } from '../../core/register.ts'
import { hostAndPort, type Check, type Service } from '../service.ts'

/** Undefined when it has passed, else why not: a short text without anything that the service has said. */
export type Outcome = string | undefined

/** Runs a command in a container. */
export type RunInContainer = (
  container: string,
  command: string,
  signal: AbortSignal,
) => Promise<boolean>

/** @param exec absent: there are no containers. Never rejects */
export async function probe(
  { what, timeout }: Check,
  service: Service,
  signal: AbortSignal,
  exec?: RunInContainer,
): Promise<Outcome> {
  if (what.kind === 'command') {
    const { exitCode, timedOut } = await runCommand(what.command, { timeout })
    if (timedOut) return `the command has not ended within ${timeout} ms`
    return exitCode === 0 ? undefined : `the command ended with ${exitCode ?? 'a signal'}`
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
): Promise<Outcome> {
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

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md, of the whole server. */
function isServing(
  service: Service,
  { tls, insecure }: Extract<CheckKind, { kind: 'grpc' }>,
  signal: AbortSignal,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const url = `${tls ? 'https' : 'http'}://${hostAndPort(service)}`
    const client = connectHttp2(url, { rejectUnauthorized: !insecure })
    const end = (outcome: Outcome | Error): void => {
      signal.removeEventListener('abort', aborted)
      client.destroy()
      if (outcome instanceof Error) reject(outcome)
      else resolve(outcome)
    }
    const aborted = (): void => end(new Error('aborted'))
    signal.addEventListener('abort', aborted, { once: true })
    client.on('error', end)
    const chunks: Buffer[] = []
    const stream = client.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream
      .on('error', end)
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .on('end', () => {
        // A length of five bytes, then field 1, an enumeration: SERVING is 1.
        const [field, status] = Buffer.concat(chunks).subarray(5)
        end(field === 0x08 && status === 1 ? undefined : 'it does not say SERVING')
      })
      // An empty request, not compressed.
      .end(Buffer.alloc(5))
  })
}
