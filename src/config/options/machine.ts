// Options of the help groups Files and Timing.
import type { Option } from './option.ts'

export const machineOptions = {
  confdir: {
    group: 'Files',
    type: 'text',
    default: '/etc/confd',
    placeholder: 'folder',
    help: 'the folder with conf.d and templates',
  },
  'conf-file': {
    group: 'Files',
    type: 'text',
    default: '/etc/confd/confd.toml',
    placeholder: 'file',
    aliases: ['config-file'],
    env: ['CONFD_CONFIG_FILE'],
    toml: null,
    help: 'the settings file, in TOML; only the default file may be missing',
  },
  'state-dir': {
    group: 'Files',
    type: 'text',
    placeholder: 'folder',
    help: 'the folder in which owed reloads are recorded (default: /var/lib/reconfd for root, ~/.local/state/reconfd for other users)',
  },
  'dest-root': {
    group: 'Files',
    type: 'text',
    placeholder: 'folder',
    help: 'put every dest below this folder, and ignore owner and group: for tests and images',
  },
  'expand-env': {
    group: 'Files',
    type: 'boolean',
    help: 'expand ${NAME} and ${NAME:-default} in dest, src, keys, prefix and for_each of resources',
  },
  'keep-stage-file': {
    group: 'Files',
    type: 'boolean',
    help: 'keep the last staged file beside each destination',
  },
  timeout: {
    group: 'Timing',
    type: 'duration',
    default: '10s',
    least: 1,
    help: 'how long a onetime run waits for its stores',
  },
  debounce: {
    group: 'Timing',
    type: 'duration',
    help: 'how long the keys must stay unchanged before a change is applied, so that a burst of changes is applied once (default: adapts to the rate of changes, from 0 to 600ms)',
  },
  'debounce-max': {
    group: 'Timing',
    type: 'duration',
    default: '2s',
    help: 'the maximum time that a change waits while further changes keep arriving',
  },
  'min-reload-interval': {
    group: 'Timing',
    type: 'duration',
    default: '0',
    help: 'the minimum time between two runs of a reload_cmd; a run that would start earlier waits',
  },
  splay: {
    group: 'Timing',
    type: 'duration',
    default: '0',
    help: 'the maximum random delay of each reload, so that the machines of a fleet do not all reload at the same time',
  },
  'check-timeout': {
    group: 'Timing',
    type: 'duration',
    default: '60s',
    least: 1,
    aliases: ['check-cmd-timeout'],
    help: 'how long a check_cmd may run',
  },
  'reload-timeout': {
    group: 'Timing',
    type: 'duration',
    default: '60s',
    least: 1,
    aliases: ['reload-cmd-timeout'],
    help: 'how long a reload_cmd may run',
  },
} as const satisfies Record<string, Option>
