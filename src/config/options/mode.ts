// Options of the help group Mode.
import type { Option } from './option.ts'

export const modeOptions = {
  onetime: { group: 'Mode', type: 'boolean', help: 'run once and exit' },
  watch: {
    group: 'Mode',
    type: 'boolean',
    help: 'run until stopped, and apply changes as the store reports them',
  },
  interval: {
    group: 'Mode',
    type: 'duration',
    default: '600',
    least: 1,
    placeholder: 'seconds',
    help: 'time between full resyncs of a daemon; with -watch, resyncs happen only if this is set',
  },
  noop: { group: 'Mode', type: 'boolean', help: 'show pending changes without making them' },
  'sync-only': {
    group: 'Mode',
    type: 'boolean',
    help: 'write files, but run no check_cmd and no reload_cmd',
  },
  'no-reload': { group: 'Mode', type: 'boolean', help: 'run no reload_cmd' },
  'allow-empty': {
    group: 'Mode',
    type: 'boolean',
    help: 'write files even if a store has lost all of their keys, instead of holding the change',
  },
  'reload-always': {
    group: 'Mode',
    type: 'boolean',
    help: 'with -onetime: run each reload_cmd, even if its files are unchanged',
  },
  only: {
    group: 'Mode',
    type: 'list',
    placeholder: 'resource',
    aliases: ['resource'],
    help: 'with -onetime or a check: process only this resource, such as nginx.toml, and its group; may be repeated',
  },
  'failure-mode': {
    group: 'Mode',
    type: 'choice',
    placeholder: 'mode',
    choices: ['best-effort', 'fail-fast'],
    help: 'how to treat an invalid file in conf.d: fail-fast refuses to start, best-effort serves the other resources (default: best-effort; with -onetime: fail-fast)',
  },
  'detailed-exitcode': {
    group: 'Mode',
    type: 'boolean',
    help: 'exit with 2 if changes were made, or, with -noop, if changes are pending',
  },
  replay: {
    group: 'Mode',
    type: 'text',
    placeholder: 'file',
    toml: null,
    help: 'read keys from a file written by reconfd snapshot, instead of from the stores',
  },
  'check-config': {
    group: 'Mode',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'same as the command reconfd check',
  },
  preflight: {
    group: 'Mode',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'run reconfd check, then test every node, key, destination and command',
  },
  validate: {
    group: 'Mode',
    type: 'boolean',
    toml: null,
    env: [],
    help: 'run reconfd check, then render all templates and verify the results with output_format and check_cmd, without writing any file; with -file, the keys come from that file',
  },
} as const satisfies Record<string, Option>
