// npm run demo: prepares a fresh clone and renders haproxy.cfg from the sample (keys.yaml and conf.d/ at the
// top of the repository). `npm run demo -- -watch` keeps watching; further flags are passed to reconfd.
// `npm run demo -- whole-way` runs the demo with containers instead (scripts/whole-way.mjs).
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { build, installPackages, root } from './prepare.mjs'

const config = `${root}haproxy.cfg`
const flags = process.argv.slice(2)
const watch = flags.some((flag) => /^--?watch$/.test(flag))

installPackages()
build()
if (flags[0] === 'whole-way') {
  const args = ['scripts/whole-way.mjs', ...flags.slice(1)]
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
  process.exit(status ?? 1)
}
const command = [
  '-backend',
  'file',
  '-file',
  'keys.yaml',
  '-confdir',
  '.',
  '-state-dir',
  '.cache/demo-state',
]
const args = [...command, ...(watch ? [] : ['-onetime']), ...flags]
console.log(`\n$ node dist/cli.js ${args.join(' ')}\n`)
if (watch)
  console.log(
    'Watching: edit keys.yaml, templates/ or conf.d/ and see haproxy.cfg follow. Ctrl-C stops it.\n',
  )

const child = spawn(process.execPath, ['dist/cli.js', ...args], { cwd: root, stdio: 'inherit' })
// The terminal sends Ctrl-C to both processes; reconfd finishes its running work, and then this process exits.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => watch || child.kill(signal))
child.on('exit', (code) => {
  if (!watch && code === 0 && existsSync(config)) {
    console.log(
      `\nhaproxy.cfg, rendered from keys.yaml and templates/haproxy.cfg.njk:\n\n${readFileSync(config, 'utf8')}`,
    )
  }
  process.exitCode = code ?? 1
})
