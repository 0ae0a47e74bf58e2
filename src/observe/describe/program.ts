// What happens to the program itself and to its configuration, in words.
import type { EventOf } from '../../core/event.ts'
import { formatFault } from '../../core/fault.ts'
import { counted } from '../../core/words.ts'
import { names, type Told } from './told.ts'

export const describeProgram = {
  started({ version, backend, nodes, resources }: EventOf<'started'>): Told {
    const at = nodes.length === 0 ? '' : ` at ${names(nodes)}`
    const message = `reconfd ${version}: ${counted(resources, 'resource')} from ${backend}${at}`
    return { level: 'info', message }
  },

  notice: ({ level, message }: EventOf<'notice'>): Told => ({ level, message }),

  'generation-loading': ({ reason }: EventOf<'generation-loading'>): Told => ({
    level: 'debug',
    message: `reading the configuration anew (${reason})`,
  }),

  'generation-kept'({ reason, faults }: EventOf<'generation-kept'>): Told {
    const what = `the configuration is bad, the former one stays at work (${reason})`
    return { level: 'error', message: `${what}:\n${faults.map(formatFault).join('\n')}` }
  },

  'generation-loaded': ({ reason, resources }: EventOf<'generation-loaded'>): Told => ({
    level: 'info',
    message: `configuration loaded anew (${reason}): ${counted(resources, 'resource')}`,
  }),

  'gave-up': ({ fault }: EventOf<'gave-up'>): Told => ({
    level: 'error',
    message: formatFault(fault),
  }),

  stopping: ({ reason }: EventOf<'stopping'>): Told => ({
    level: 'info',
    message: `stopping: ${reason}; what is in work is finished first`,
  }),
}
