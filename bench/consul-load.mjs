// Measures the load that hundreds of looked-up services put on a Consul server: requests, bytes and CPU time. Compares
// reconfd with one blocking query per service, which is how consul-template watches services.
import { Agent, createServer, get, request } from 'node:http'
import { join } from 'node:path'
import * as lab from './lab.mjs'

const SERVICES = 1000
const INSTANCES = 3
/** The number of changes of each kind. */
const CHANGES = 10
/** Milliseconds between two changes. */
const APART = 400

const register = ({ call }, name, n, port, Status) =>
  call('/catalog/register', {
    Node: `n${n}`,
    Address: `10.0.0.${n}`,
    Service: { Service: name, ID: `${name}-${n}`, Address: `10.0.${n}.1`, Port: port },
    Check: { Node: `n${n}`, CheckID: `${name}-${n}`, Name: 'c', Status, ServiceID: `${name}-${n}` },
  })

async function fill(consul) {
  for (let s = 0; s < SERVICES; s++) {
    const all = Array.from({ length: INSTANCES }, (_, n) => n)
    await Promise.all(all.map((n) => register(consul, `s${s}`, n, 8000, 'passing')))
  }
}

/** Starts a proxy that counts requests and the bytes of answers. */
async function startCounter(port) {
  const counted = { requests: 0, bytes: 0, open: 0, most: 0 }
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  const server = createServer((incoming, response) => {
    counted.requests++
    counted.most = Math.max(counted.most, ++counted.open)
    const { url: path, method, headers } = incoming
    const outgoing = request({ port, path, method, headers, agent }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.on('data', (chunk) => (counted.bytes += chunk.length))
      answer.pipe(response)
    })
    outgoing.on('error', () => response.destroy())
    response.on('close', () => {
      counted.open--
      outgoing.destroy()
    })
    incoming.pipe(outgoing)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { counted, node: `127.0.0.1:${server.address().port}`, close }
}

/** Keeps one blocking query open per service. With `stale`, any server may answer, not only the leader. */
function oneQueryEach(node, names) {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity })
  let over = false
  const ask = (name, index) => {
    const path = `/v1/health/service/${name}?index=${index}&wait=60000ms&passing=1&stale=`
    const asked = get(`http://${node}${path}`, { agent }, (answer) => {
      answer.resume()
      answer.on('end', () => over || ask(name, answer.headers['x-consul-index']))
    })
    asked.on('error', () => undefined)
  }
  for (const name of names) ask(name, 0)
  return () => {
    over = true
    agent.destroy()
  }
}

function reconfd(node, names) {
  const root = lab.tempFolder()
  const list = JSON.stringify(names)
  lab.write(
    join(root, 'templates/x.njk'),
    `{% for n in ${list} %}{% for s in service(n) %}{{ s.address }}:{{ s.port }}\n{% endfor %}{% endfor %}`,
  )
  const resource = `[template]\nsrc = "x.njk"\ndest = "${root}/x"\nkeys = ["/services"]\n`
  lab.write(join(root, 'conf.d/x.toml'), resource)
  const args = ['-watch', '-backend', 'consul-catalog', '-node', node, '-confdir', root]
  const run = lab.start(process.execPath, [lab.cli, ...args, '-state-dir', join(root, 'state')])
  return () => run.stop()
}

const isQuiet = async (counted) => {
  const before = counted.requests
  await lab.sleep(1500)
  return counted.requests === before && counted.open > 0
}

/** Returns requests, bytes and milliseconds of the server's CPU time per change, as the mean of several changes. */
async function during(consul, counted, change) {
  const [requests, bytes, cpu] = [counted.requests, counted.bytes, lab.cpuOf(consul.pid)]
  for (let n = 0; n < CHANGES; n++) {
    await change(n)
    await lab.sleep(APART)
  }
  await lab.until(() => isQuiet(counted))
  const each = (now, before) => (now - before) / CHANGES
  return {
    requests: each(counted.requests, requests),
    bytes: each(counted.bytes, bytes),
    cpu: each(lab.cpuOf(consul.pid), cpu),
  }
}

export async function consulLoad() {
  const consul = await lab.startConsul()
  await fill(consul)
  const flap = (name) => (n) =>
    register(consul, name, 1, 8000, n % 2 === 0 ? 'critical' : 'passing')
  const move = (name) => (n) => register(consul, name, 2, 9000 + n, 'passing')
  for (const looked of [10, 100, 300, 1000]) {
    const names = Array.from({ length: looked }, (_, n) => `s${n}`)
    for (const [who, watch] of [
      ['reconfd', reconfd],
      ['a query each', oneQueryEach],
    ]) {
      const { counted, node, close } = await startCounter(consul.port)
      const stop = watch(node, names)
      await lab.until(() => isQuiet(counted))
      const kinds = [
        ['health of a looked-up service', flap('s1')],
        ...(looked < SERVICES ? [['health of another service', flap('s999')]] : []),
        ['port of a looked-up service', move('s2')],
      ]
      for (const [kind, change] of kinds) {
        const { requests, bytes, cpu } = await during(consul, counted, change)
        lab.row(
          `${looked} of ${SERVICES}, ${who}: ${kind}`,
          `${requests.toFixed(1)} requests, ${(bytes / 1024).toFixed(0)} KiB, ${lab.ms(cpu)}`,
        )
      }
      lab.row(`${looked} of ${SERVICES}, ${who}: connections`, String(counted.most))
      await stop()
      close()
    }
  }
}
