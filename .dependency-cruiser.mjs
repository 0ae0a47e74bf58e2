// The borders between the rooms of src/ (docs/architecture.md). Static, dynamic and type-only imports count.
//
// Each room may import itself, core/, system/ and the rooms listed here; core/ may import only itself.
const ROOMS = {
  core: [],
  system: [],
  config: [],
  stores: [],
  templates: [],
  apply: [],
  state: [],
  observe: [],
  service: ['observe'],
  haproxy: [],
  exec: [],
  feeds: ['stores'],
  http: ['observe', 'state'],
  control: ['state'],
  engine: [
    'config',
    'feeds',
    'templates',
    'apply',
    'state',
    'observe',
    'service',
    'exec',
    'http',
    'control',
    'haproxy',
  ],
  check: [
    'config',
    'stores',
    'templates',
    'apply',
    'state',
    'observe',
    'feeds',
    'engine',
    'haproxy',
  ],
  register: ['config', 'stores', 'apply', 'state', 'observe', 'http', 'exec'],
  library: ['config', 'stores', 'templates', 'engine'],
}

const borders = Object.entries(ROOMS).map(([room, known]) => ({
  name: `${room}-border`,
  comment: `${room}/ imports ${['core', ...known].join('/, ')}/ and nothing else of src/.`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: {
    path: '^src/',
    pathNot: `^src/(${[...new Set(['core', room, ...(room === 'core' ? [] : ['system']), ...known])].join('|')})/`,
  },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...borders,
    {
      name: 'core-is-pure',
      comment: 'core/ imports no Node module and no package: it has no I/O and no clock.',
      severity: 'error',
      from: { path: '^src/core/' },
      to: { pathNot: '^src/core/' },
    },
    {
      name: 'rooms-are-declared',
      comment:
        'The top of src/ contains the doors cli.ts, start.ts and index.ts; everything else is in a room.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: `^src/(cli\\.ts$|start\\.ts$|index\\.ts$|(${Object.keys(ROOMS).join('|')})/)`,
      },
      to: {},
    },
    {
      name: 'doors-are-not-imported',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^src/(cli|start|index)\\.ts$' },
    },
    {
      name: 'no-cycles',
      comment: 'Type-only cycles included.',
      severity: 'error',
      from: { path: '^src/' },
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
}
