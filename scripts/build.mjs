// Bundles src/cli.ts into dist/: one small entry, and a chunk for each store and engine that is
// loaded only when it is used. Nothing is left to install for those who install the package.
import { rmSync, readFileSync, chmodSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))

/** nunjucks brings loaders of its own, which watch files with chokidar; ours reads the templates. */
const withoutNunjucksLoaders = {
  name: 'without-nunjucks-loaders',
  setup({ onLoad }) {
    onLoad({ filter: /nunjucks[\\/]src[\\/]node-loaders\.js$/ }, () => ({
      contents: 'module.exports = {}',
    }))
  },
}

rmSync(`${root}dist`, { recursive: true, force: true })
await build({
  absWorkingDir: root,
  entryPoints: { cli: 'src/cli.ts' },
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'external',
  define: { __VERSION__: JSON.stringify(version) },
  // Bundled CommonJS libraries ask for Node's own modules through require().
  banner: {
    js: "#!/usr/bin/env node\nimport{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);",
  },
  plugins: [withoutNunjucksLoaders],
  logLevel: 'warning',
})
chmodSync(`${root}dist/cli.js`, 0o755)
