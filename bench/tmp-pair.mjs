import { existsSync } from 'node:fs'
import { join } from 'node:path'
import * as lab from './lab.mjs'
const { median } = lab
const etcd = await lab.startEtcd()
const folder = lab.tempFolder()
const everything = '{% for p in range("/app") %}{{ p.key }} = {{ p.value }}\n{% endfor %}'
async function daemon(cli, prefix, reload) {
  const f = lab.tempFolder()
  lab.write(join(f, 'conf.d/r.toml'), `[template]\nsrc = "t.njk"\ndest = "${f}/out"\nkeys = ["${prefix}"]\nreload_cmd = '${reload}'\n`)
  lab.write(join(f, 'templates/t.njk'), everything.replace('/app', prefix))
  const child = lab.start(process.execPath, [cli, '-watch', '-backend', 'etcdv3', '-node', etcd.node, '-confdir', f, '-state-dir', join(f, 'state')])
  await lab.until(() => existsSync(join(f, 'out')))
  return child
}
const runs = []
for (const [name, cli] of [['before', '/tmp/apply-before-dist/cli.js'], ['after', process.argv[2] ?? '/tmp/apply-after-dist/cli.js']]) {
  await etcd.put(Array.from({ length: 10 }, (_, n) => [`/${name}/k0000${n}`, `v${n}`]))
  const bell = lab.bellOn(join(folder, name))
  const rung = bell.next()
  runs.push({ name, bell, child: await daemon(cli, `/${name}`, `echo 1 > ${join(folder, name)}`), times: [] })
  await rung
}
for (let n = -30; n < 200; n++) {
  for (const { name, bell, times } of n % 2 ? runs : runs.toReversed()) {
    await lab.sleep(110)
    const done = bell.next()
    const begin = performance.now()
    await etcd.put([[`/${name}/k00003`, `changed-${n}`]])
    await done
    if (n >= 0) times.push(performance.now() - begin)
  }
}
for (const { name, child, times } of runs) { await child.stop(); const s=[...times].sort((a,b)=>a-b); console.log(name, 'median', median(times).toFixed(2), 'p25', s[50].toFixed(2), 'p10', s[20].toFixed(2)) }
await lab.cleanUp()
process.exit(0)
