// The linter: type-aware rules of typescript-eslint, and the borders between the rooms of src/.
import tseslint from 'typescript-eslint'

/** What each room may import beside itself and core/. `run.ts` and `cli.ts` know them all. */
const rooms = {
  core: [],
  config: [],
  flow: [],
  stores: [],
  templates: [],
  apply: [],
  observe: [],
  control: ['flow'],
  check: ['config', 'flow', 'stores', 'templates', 'apply', 'observe', 'run'],
  http: ['observe'],
  library: ['config', 'stores', 'templates', 'run'],
  service: [],
}

const borders = Object.entries(rooms).map(([room, allowed]) => ({
  files: [`src/${room}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            // A room is a folder: `stores/etcdv3/` may import `../http.ts`, which is a store's own.
            regex: `^(\\.\\./)+((${Object.keys(rooms)
              .filter((other) => other !== room && other !== 'core' && !allowed.includes(other))
              .join('|')})/|(${allowed.includes('run') ? '' : 'run|'}cli)\\.ts)`,
            message: `${room}/ knows only core/: see docs/architecture.md.`,
          },
          ...(room === 'core'
            ? [{ regex: '^[^.]', message: 'core/ is pure: no modules from outside.' }]
            : []),
        ],
      },
    ],
  },
}))

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', '.cache/**'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-base-to-string': 'off',
      'no-console': 'error',
    },
  },
  ...borders,
)
