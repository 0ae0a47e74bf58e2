// The program under test: dist/cli.js under this Node. RECONFD_PROGRAM selects another build, such as the single
// executable (npm run test:executable).
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const other = process.env['RECONFD_PROGRAM']
const file = other ?? fileURLToPath(new URL('../../dist/cli.js', import.meta.url))

/** Returns a command and arguments for spawn() and execa(). Throws if the program has not been built. */
export function programWith(...args: readonly string[]): [string, string[]] {
  if (!existsSync(file)) throw new Error(`${file} is missing: build it first (npm run build)`)
  return other === undefined ? [process.execPath, [file, ...args]] : [file, [...args]]
}
