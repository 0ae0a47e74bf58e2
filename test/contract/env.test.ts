// Runs the contract against the environment of the process.
import { settingsFor } from '../support/settings.ts'
import { contract } from './suite.ts'

/** Returns the name of the variable for a key: APP_DB_URL for `/app/db/url`. */
const variable = (key: string): string => key.slice(1).replaceAll('/', '_').toUpperCase()

contract({
  name: 'env',
  lacks: {
    bytes: 'process.env takes none; test/e2e/bytes.test.ts starts a process with them',
    change: 'the environment of a running process cannot be changed from outside',
    ttl: 'variables do not expire',
    outage: 'the environment is always there',
    nodes: 'there is one environment',
  },
  async start() {
    const set = new Set<string>()
    return {
      settings: settingsFor({ backend: 'env' }),
      client: {
        async putAll(entries) {
          for (const [key, value] of entries) {
            process.env[variable(key)] = value
            set.add(variable(key))
          }
        },
        async delTree() {
          for (const name of set) Reflect.deleteProperty(process.env, name)
          set.clear()
        },
        close() {
          // There is nothing to close.
        },
      },
      async stop() {
        for (const name of set) Reflect.deleteProperty(process.env, name)
      },
    }
  },
})
