// The programs that the bench compares: reconfd, the floor (floor.mjs), its durable variant if requested, and the
// programs listed in RECONFD_BENCH_PEERS (confd, consul-template, remco), which must be on PATH. confd and reconfd use
// the same template; the other templates produce the same bytes.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import * as lab from './lab.mjs'

/** The command that runs reconfd under Node. */
export const PROGRAM = [process.execPath, lab.cli]

const wanted = (process.env['RECONFD_BENCH_PEERS'] ?? '').split(',').filter(Boolean)

/** The requested peers that can read this store. Throws if a requested peer is unknown or not installed. */
const peersOf = ({ backend }) =>
  wanted.filter((name) => {
    if (!Object.hasOwn(PEERS, name)) throw new Error(`RECONFD_BENCH_PEERS: ${name} is unknown`)
    if (name === 'consul-template' && backend !== 'consul') return false
    const { error } = spawnSync(name, ['-version'])
    if (error !== undefined) throw new Error(`RECONFD_BENCH_PEERS: ${name} is not on PATH`)
    return true
  })

/**
 * @param store the result of lab.startEtcd() or lab.startConsul()
 * @param jobsOf returns `{ prefix, reload }` for each file, given the name and the folder of a contender
 * @returns `{ folder, dests, once, watch }` for each name, with commands as lists of words
 */
export function contenders(store, jobsOf, { program = PROGRAM, durable = false } = {}) {
  const names = ['floor', ...(durable ? ['durable'] : []), 'reconfd', ...peersOf(store)]
  return Object.fromEntries(
    names.map((name) => {
      const folder = lab.tempFolder()
      const jobs = jobsOf(name, folder).map((job, n) => ({
        ...job,
        dest: join(folder, `out/${n}`),
      }))
      lab.write(join(folder, 'out/.keep'), '')
      const dests = jobs.map(({ dest }) => dest)
      const made = (MAKERS[name] ?? PEERS[name])(store, folder, jobs, program)
      return [name, { folder, dests, ...made }]
    }),
  )
}

const goTemplate = (prefix) => `{{range gets "${prefix}/*"}}{{.Key}} = {{.Value}}\n{{end}}`

function confdFolder(folder, jobs) {
  jobs.forEach(({ prefix, reload, dest }, n) => {
    const lines = [`src = "t${n}.tmpl"`, `dest = "${dest}"`, `keys = ["${prefix}"]`]
    if (reload !== undefined) lines.push(`reload_cmd = '${reload}'`)
    lab.write(join(folder, `conf.d/r${n}.toml`), ['[template]', ...lines, ''].join('\n'))
    lab.write(join(folder, `templates/t${n}.tmpl`), goTemplate(prefix))
  })
}

const floor = (...mode) => [process.execPath, join(lab.root, 'bench/floor.mjs'), ...mode]
const floorArgs = ({ backend, node }, { prefix, reload, dest }) => [
  ...[backend, node, `${prefix}/`, dest],
  ...(reload === undefined ? [] : [reload]),
]

const MAKERS = {
  floor(store, _, [job]) {
    const args = floorArgs(store, job)
    return { once: [...floor('-once'), ...args], watch: () => [...floor(), ...args] }
  },
  durable: (store, _, [job]) => ({
    watch: () => [...floor('-durable'), ...floorArgs(store, job)],
  }),
  reconfd({ backend, node }, folder, jobs, program) {
    confdFolder(folder, jobs)
    const where = ['-backend', backend, '-node', node, '-confdir', folder]
    const args = [...program, ...where, '-state-dir', join(folder, 'state')]
    return { once: [...args, '-onetime'], watch: (flags = []) => [...args, '-watch', ...flags] }
  },
}

const PEERS = {
  confd({ backend, node }, folder, jobs) {
    confdFolder(folder, jobs)
    const at = backend === 'consul' ? node : `http://${node}`
    const args = ['confd', '-backend', backend, '-node', at, '-confdir', folder]
    return { once: [...args, '-onetime'], watch: () => [...args, '-watch'] }
  },
  'consul-template'({ node }, folder, jobs) {
    const templates = jobs.map(({ prefix, reload, dest }, n) => {
      const key = prefix.slice(1)
      const source = lab.write(
        join(folder, `t${n}.ctmpl`),
        `{{range tree "${key}"}}${prefix}/{{.Key}} = {{.Value}}\n{{end}}`,
      )
      const command = reload === undefined ? '' : `:${reload}`
      return ['-template', `${source}:${dest}${command}`]
    })
    const args = ['consul-template', '-consul-addr', node, ...templates.flat()]
    return { once: [...args, '-once'], watch: () => args }
  },
  remco({ backend, node }, folder, jobs) {
    const config = (isOnce) => {
      const resources = jobs.map(({ prefix, reload, dest }, n) => {
        const source = lab.write(
          join(folder, `t${n}.tmpl`),
          `{% for p in gets("${prefix}/*") %}{{ p.Key }} = {{ p.Value }}\n{% endfor %}`,
        )
        const of = backend === 'consul' ? 'consul' : 'etcd'
        return [
          '[[resource]]',
          `name = "r${n}"`,
          '[[resource.template]]',
          `src = "${source}"`,
          `dst = "${dest}"`,
          ...(reload === undefined ? [] : [`reload_cmd = '${reload}'`]),
          `[resource.backend.${of}]`,
          `nodes = ["${of === 'etcd' ? 'http://' : ''}${node}"]`,
          ...(of === 'etcd' ? ['version = 3'] : []),
          `keys = ["${prefix}"]`,
          `watch = ${!isOnce}`,
          `onetime = ${isOnce}`,
        ].join('\n')
      })
      const file = join(folder, isOnce ? 'once.toml' : 'watch.toml')
      return ['remco', '-config', lab.write(file, `${resources.join('\n')}\n`)]
    }
    return { once: config(true), watch: () => config(false) }
  },
}
