// A process that creates files as for_each does, so that manifest.test.ts can kill it. A hundred times, it lists a
// file, creates the file, and marks it as created. It prints a line after it has listed a file and after it has created
// one. Arguments: the state directory, the folder of the files, and the first part of their names.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openManifest } from '../../src/state/manifest.ts'

const [state = '', folder = '', name = ''] = process.argv.slice(2)
const manifest = openManifest(state, '/etc/reconfd')

for (let i = 0; i < 100; i++) {
  const dest = join(folder, `${name}-${i}`)
  const bytes = Buffer.from(`server ${i}`)
  const listed = await manifest.will('vhosts.toml', [{ dest, template: '/{{ a }}', bytes }])
  if (!listed.ok) throw new Error(listed.error.message)
  process.stdout.write('listed\n')
  writeFileSync(dest, bytes)
  process.stdout.write('made\n')
  await manifest.made('vhosts.toml', [dest])
}
