// Describes the events of reconfd itself and of its configuration.
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { counted } from '../../core/words.ts'
import { names, type Description } from './description.ts'

export const describeProgram = {
  started({ version, backend, nodes, resources }: EventOf<'started'>): Description {
    const at = nodes.length === 0 ? '' : ` at ${names(nodes)}`
    const message = `reconfd ${version}: ${counted(resources, 'resource')} from ${backend}${at}`
    return { level: 'info', message }
  },

  notice: ({ level, message }: EventOf<'notice'>): Description => ({ level, message }),

  'generation-loading': ({ reason }: EventOf<'generation-loading'>): Description => ({
    level: 'debug',
    message: `reloading the configuration (${reason})`,
  }),

  'generation-kept'({ reason, faults }: EventOf<'generation-kept'>): Description {
    const what = `invalid configuration; the previous one stays in use (${reason})`
    return { level: 'error', message: `${what}:\n${faults.map(formatFault).join('\n')}` }
  },

  'generation-loaded': ({ reason, resources }: EventOf<'generation-loaded'>): Description => ({
    level: 'info',
    message: `configuration reloaded (${reason}): ${counted(resources, 'resource')}`,
  }),

  'gave-up': ({ fault }: EventOf<'gave-up'>): Description => ({
    level: 'error',
    message: formatFault(fault),
  }),

  stopping: ({ reason }: EventOf<'stopping'>): Description => ({
    level: 'info',
    message: `stopping: ${reason}; running work finishes first`,
  }),
}
