// Creates a folder with the programs that the pages of docs/ use. Tests that run the pages add it to PATH.
//
//   node test/docs/programs.mjs FOLDER
//
// This is plain JavaScript, because test/stranger/path.sh runs it, too.
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { locate, provide } from '../../scripts/servers.mjs'

const programs = [
  ...['etcd', 'etcdctl', 'consul', 'redis-server', 'java', 'zookeeper'],
  ...['haproxy', 'nginx', 'promtool', 'curl'],
]
const folder = process.argv[2]
const problems = provide(programs)
if (problems.length > 0) throw new Error(problems.join('\n'))
mkdirSync(folder, { recursive: true })

const write = (name, command) => {
  writeFileSync(join(folder, name), `#!/bin/sh\nexec ${command} "$@"\n`)
  chmodSync(join(folder, name), 0o755)
}
/**
 * Writes a wrapper for the program `name`, which is in the same folder as the program `located`. The wrapper sets the
 * environment variables that the program needs.
 */
const writeLocated = (located, name = located) => {
  const { path, env } = locate(located)
  const variables = Object.entries(env).map(([variable, value]) => `${variable}=${value}`)
  write(name, `env ${variables.join(' ')} ${join(dirname(path), name)}`)
}

for (const name of programs.filter((program) => program !== 'zookeeper')) writeLocated(name)
writeLocated('redis-server', 'redis-cli')
const jars = join(dirname(locate('zookeeper').path), '*')
const flags = '-Xmx256m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error'
const zookeeper = `java ${flags} -cp '${jars}' org.apache.zookeeper`
write('zkServer.sh', `${zookeeper}.server.ZooKeeperServerMain 2181`)
write('zkCli.sh', `${zookeeper}.ZooKeeperMain`)
// This `sudo` only runs its command, because the tests that use it already run as root.
write('sudo', '')
