// Bundles the modules of src/ into a few files. Each store and each template engine gets its own file, which is loaded
// only when it is needed.
//
//   node scripts/bundle.mjs FOLDER    writes the program as ES modules, for runtimes other than Node
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

/**
 * Under Node, the package yaml is CommonJS. Its build for browsers contains the same code in the form of ES modules, so
 * the bundler can leave out the unused half.
 */
const yamlModules = fileURLToPath(
  new URL('browser/dist/index.js', import.meta.resolve('yaml/package.json')),
)

/**
 * The modules of each chunk, as paths below src/: a room, a folder in a room, or a file. By default, the bundler makes
 * about fifty chunks, one for each set of modules that two lazy imports share, and each chunk delays a start by a
 * millisecond. test/e2e/chunks.test.ts checks which chunks a run loads.
 */
const CHUNKS = {
  /** Everything that `reconfd -version` needs. */
  flags: [
    'core/(version|result|fault|spoken|words|escape|key|settings|control|http-node|nearest)',
    'system/(runtime|inspector|secrets|compile-cache|folder|keep)',
    'config/(settings|assemble|ambient|flags|usage|foreign|environment|options|commands?|values)',
    'config/(connection|contradictions|notices?|concealed|defined|nearest)',
  ],
  /**
   * The readers of the TOML files, which run before the state directory and its cache of compiled modules are known.
   */
  toml: ['config/(conffile|entries|exec|positions|schema|stores|table|toml)'],
  /** Needed by every run. */
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
  /** Common to all stores that are servers. */
  server: ['stores/(http-faults|tls|tls-faults|secrets|change-buffer|completions|token-bucket)'],
  /** Common to stores that speak HTTP, and to registries of `reconfd register`. */
  http: ['stores/(http|http-(body|exchange|sockets|store)|dial|proxy)'],
  /** Joins the files of this store. A store that consists of one file gets its own chunk anyway. */
  etcdv3: ['stores/etcdv3'],
  /** Needed by only some runs. The bundler puts each of these modules into the chunk that imports it. */
  apart: [
    'system/(watch-files|bell|links|modules|yaml)',
    'apply/(trial|format|formats|attributes)',
    'config/(given|help|man|completion|json-schema|printed|schema-[^/]+|http)',
    'templates/functions/re2',
    'core/register',
    'config/(register|registry-uri|service-file)',
  ],
  /** Needed only by `reconfd register`. */
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
 * @param {Record<string, string>} input the entry points: their names, and their paths relative to the repository
 * @param {import('rolldown').OutputOptions} options `dir`, and overrides of the defaults below (ES modules, split into chunks)
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
        // The library needs only a part of the file store.
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
