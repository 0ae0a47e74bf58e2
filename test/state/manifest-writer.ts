// A process that creates files like for_each, for manifest.test.ts to kill: lists a file, creates it and marks it as
// created, a hundred times, and prints a line after listing and after creating. Arguments: state directory, folder, a
// name.
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
