// The HTTP endpoints of a registrar with -http: /metrics, /healthz, /readyz, and a page with the status as JSON.
import { ioFault } from '../core/errno.ts'
import type { HttpSettings } from '../core/settings.ts'
import { StatusServer } from '../http/server.ts'
import { descriptorLimit, visitorsFor } from '../http/visitors.ts'
import type { EmitRegister } from './event.ts'
import { RegisterMetrics } from './metrics.ts'
import type { RegisterStatus } from './status.ts'

/** Never rejects: if the page cannot be served, the registrar logs a warning and keeps running. */
export async function serveStatus(
  settings: HttpSettings,
  status: () => RegisterStatus,
  emit: EmitRegister,
): Promise<RegisterMetrics> {
  const metrics = new RegisterMetrics()
  const contents = {
    page: () => Promise.resolve(Buffer.from(pageOf(status()))),
    metrics: async () => ({
      type: metrics.contentType,
      body: Buffer.from(await metrics.text(status())),
    }),
    ready: () => registerReadiness(status()),
    live: () => false,
  }
  const visitors = visitorsFor(descriptorLimit())
  const server = new StatusServer(settings, visitors, contents, (error) => {
    const message = `this is a bug in the status page: ${String(error)}`
    emit({ kind: 'notice', level: 'warn', message })
  })
  try {
    const message = `status page at ${await server.listen()}`
    emit({ kind: 'notice', level: 'info', message })
  } catch (error) {
    const { at } = settings
    const place = 'socket' in at ? at.socket : `${at.host}:${at.port}`
    const { message } = ioFault(`no status page: cannot listen at ${place}`, error)
    emit({ kind: 'notice', level: 'warn', message })
  }
  return metrics
}

/** Ready if the store and all sources are live, and no service is pending or refused. */
function registerReadiness({ store, sources, services }: RegisterStatus) {
  const parts = [store, ...sources].filter(({ live }) => !live)
  const waiting = services.filter(({ state }) => state === 'pending' || state === 'refused')
  const reasons = [
    ...parts.map(({ name, since, why }) => ({ part: name, state: 'away', since, why })),
    ...waiting.map(({ key, state, why }) => ({ key, state, why })),
  ]
  return { ready: reasons.length === 0, reasons }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

function pageOf(status: RegisterStatus): string {
  const text = JSON.stringify(status, undefined, 2).replace(/[&<>]/g, (one) => ESCAPES[one] ?? one)
  return `<!doctype html><html lang="en"><title>reconfd register</title><h1>reconfd register</h1><pre>${text}</pre></html>`
}
