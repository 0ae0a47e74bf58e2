// The bundler: modules of src/ as a few files, for each store and engine one that is loaded only when it is used.
//
//   node scripts/bundle.mjs FOLDER    the program as modules, for other runtimes than Node
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** Leaves out nunjucks' own loaders, which watch files with chokidar. */
const withoutNunjucksLoaders = {
  name: 'without-nunjucks-loaders',
  load: {
    filter: { id: /nunjucks[\\/]src[\\/]node-loaders\.js$/ },
    handler: () => 'module.exports = {}',
  },
}

/** Node is given yaml as CommonJS; what browsers are given is the same as modules, of which half is not needed. */
const yamlModules = fileURLToPath(
  new URL('browser/dist/index.js', import.meta.resolve('yaml/package.json')),
)

/**
 * The modules of a chunk, as paths below src/: a room, a folder of it, or a file. Left to itself the bundler
 * makes some fifty chunks, one for each set of modules that two lazy imports share, and each costs a start
 * a millisecond. test/e2e/chunks.test.ts holds what a run loads.
 */
const CHUNKS = {
  /** All that `reconfd -version` needs. */
  flags: [
    'core/(version|result|fault|spoken|words|escape|key|settings|control|http-node|nearest)',
    'system/(runtime|inspector|secrets|compile-cache|folder|keep)',
    'config/(settings|assemble|ambient|flags|usage|foreign|environment|options|commands?|values)',
    'config/(connection|contradictions|notices?|concealed|defined|nearest)',
  ],
  /** What reads the TOML files: before the state directory is known, and the cache of compiled modules in it. */
  toml: ['config/(conffile|entries|exec|positions|schema|stores|table|toml)'],
  /** What every run needs. */
  run: [
    'core',
    'engine',
    'feeds',
    'state',
    'system',
    'apply',
    'config',
    'control/(keep|paths)',
    'observe/(log|lines|describe|progress|status|resource-progress|resource-status|awaited)',
    'stores/(registry|delta|roots|limits|server-text|shape)',
    'templates/[^/]+$',
    'templates/(foreign|functions)',
  ],
  /** What all stores that are servers have in common. */
  server: ['stores/(http-faults|tls|tls-faults|secrets|change-buffer|completions|token-bucket)'],
  /** What those that speak HTTP have in common, among them the registries of `reconfd register`. */
  http: ['stores/(http|http-(body|exchange|sockets|store)|dial|proxy)'],
  /** One store each; those that stand in one file are apart already. */
  etcdv3: ['stores/etcdv3'],
  /** What only some runs need: the bundler puts each where it is imported. */
  apart: [
    'system/(watch-files|bell|links|modules|yaml)',
    'apply/(trial|format|formats|attributes)',
    'config/(given|help|man|completion|json-schema|printed|schema-[^/]+|http)',
    'templates/functions/re2',
    'core/register',
    'config/(register|registry-uri|service-file)',
  ],
  /** What only `reconfd register` needs. */
  register: [
    'register/[^/]+$',
    'register/(checks|docker|sources)',
    'core/register',
    'config/(register|registry-uri|service-file)',
    'exec',
  ],
}
const modulesOf = (names) => new RegExp(`/src/(${names.join('|')})($|/)`)
const [flags, toml, everyRun, server, http, etcdv3, apart, register] = [
  CHUNKS.flags,
  CHUNKS.toml,
  CHUNKS.run,
  CHUNKS.server,
  CHUNKS.http,
  CHUNKS.etcdv3,
  CHUNKS.apart,
  CHUNKS.register,
].map(modulesOf)
const slashed = (id) => id.replaceAll('\\', '/').replace(/\.ts$/, '')

/**
 * @param {Record<string, string>} input entries: their names, and their paths from the repository
 * @param {import('rolldown').OutputOptions} options `dir`, and what differs from modules in chunks
 * @returns the ids of the modules in the bundle
 */
export async function bundle(input, options) {
  const built = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    resolve: { alias: { yaml: yamlModules } },
    transform: { target: 'node20.19', define: { __VERSION__: JSON.stringify(version) } },
    plugins: [withoutNunjucksLoaders],
    logLevel: 'silent',
  })
  const { output } = await built.write({
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
    codeSplitting: {
      groups: [
        {
          name: 'flags',
          test: (id) => id.includes('rolldown/runtime') || flags.test(slashed(id)),
          priority: 2,
        },
        {
          name: 'toml',
          test: (id) => id.includes('smol-toml') || toml.test(slashed(id)),
          priority: 2,
        },
        {
          name: 'run',
          test: (id) => everyRun.test(slashed(id)) && !apart.test(slashed(id)),
          priority: 1,
        },
        { name: 'server', test: (id) => server.test(slashed(id)), priority: 1 },
        { name: 'http', test: (id) => http.test(slashed(id)), priority: 1 },
        { name: 'etcdv3', test: (id) => etcdv3.test(slashed(id)), priority: 1 },
        {
          name: 'register',
          test: (id) =>
            register.test(slashed(id)) && !/register\/(page|metrics)$/.test(slashed(id)),
        },
        {
          name: 'nunjucks',
          test: /templates[\\/]nunjucks[\\/]|node_modules[\\/](nunjucks|a-sync-waterfall|asap|commander)[\\/]/,
        },
        { name: 'haproxy', test: /src[\\/]haproxy[\\/]/ },
        { name: 'go-templates', test: /templates[\\/]go[\\/]/ },
        // Of which the library needs a part.
        { name: 'file', test: /stores[\\/]file(?:\.ts|[\\/](?:parse|scan)\.ts)/ },
        { name: 'yaml', test: /[\\/]yaml[\\/]|(file|system)[\\/]yaml\.ts/ },
      ],
    },
    ...options,
  })
  await built.close()
  return output.flatMap((chunk) => chunk.moduleIds ?? [])
}

if (process.argv[1] === import.meta.filename)
  await bundle({ cli: 'src/cli.ts' }, { dir: process.argv[2] })
