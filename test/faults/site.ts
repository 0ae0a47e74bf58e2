// The files of a trial: conf.d, templates, and the logs that its commands write.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { destinations, templatesFor, type Destination } from './contents.ts'

/** Returns additional fields of a destination's resource, such as its commands. */
export type FieldsOf = (dest: Destination) => Readonly<Record<string, string>>

/** Writes conf.d and templates into `root`, for destinations in `out`. */
export function writeSite(root: string, out: string, prefix: string, fieldsOf: FieldsOf): void {
  const folders = [join(root, 'conf.d'), join(root, 'templates'), out]
  for (const folder of folders) mkdirSync(folder, { recursive: true })
  for (const [dest, text] of Object.entries(templatesFor(prefix))) {
    writeFileSync(join(root, 'templates', `${dest}.tmpl`), text)
  }
  for (const dest of destinations) {
    const fields = { src: `${dest}.tmpl`, dest: join(out, dest), ...fieldsOf(dest) }
    const lines = Object.entries(fields).map(([name, text]) => `${name} = ${JSON.stringify(text)}`)
    // In trials, the program must write the files even after the store has been emptied. By default, it would hold
    // such a change (see test/e2e/held.test.ts).
    const toml = ['allow_empty = true', '[template]', ...lines, `keys = ["${prefix}"]`, '']
    writeFileSync(join(root, 'conf.d', `${dest}.toml`), toml.join('\n'))
  }
}

/** Returns a command that appends the time and the hash of a file to a log. */
export const recording = (file: string, log: string): string =>
  `echo "$(date +%s.%N) $(sha256sum < ${file} | cut -c1-64)" >> ${log}`
