// Generates the manual page reconfd(1) from the tables of options, commands, keys and exit codes, with the man(7)
// macros that groff and mandoc support.
import { commandNames, commands, operandText, type CommandSpec } from './commands.ts'
import { exitCodes } from './help.ts'
import {
  envNames,
  optionNames,
  optionOf,
  placeholder,
  tomlNames,
  type OptionGroup,
  type OptionName,
} from './options.ts'
import { guardKeys, resourceFileKeys, templateKeys, type KeySpec } from './schema.ts'

/** Characters that are special to roff, or that roff would replace with typographic characters. */
const escapes: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  "'": '\\(aq',
  '`': '\\(ga',
  '^': '\\(ha',
  '~': '\\(ti',
  '"': '\\(dq',
}

/** Escapes text so that roff prints it literally anywhere in a line. */
const plain = (text: string): string =>
  text.replace(/[\\'`^~"-]/g, (character) => escapes[character] ?? '').replace(/^\./, '\\&.')
const bold = (text: string): string => `\\fB${plain(text)}\\fR`
const italic = (text: string): string => `\\fI${plain(text)}\\fR`

/** Prints flags, and text in backticks, in bold. */
const prose = (text: string): string =>
  text
    .split(/(`[^`]+`|(?<![\w-])-[a-z][a-z-]+)/)
    .map((part, i) => (i % 2 === 0 ? plain(part) : bold(part.replaceAll('`', ''))))
    .join('')

const sentence = (text: string): string => (/[.:]$/.test(text) ? text : `${text}.`)

/** A term with its indented description. */
const entry = (head: string, ...body: readonly string[]): string =>
  ['.TP', head, ...body.map((text) => prose(sentence(text)))].join('\n')

/** A heading already begins a paragraph, so a leading .PP is dropped. */
const section = (title: string, ...lines: readonly string[]): string =>
  `.SH ${title}\n${lines.join('\n').replace(/^\.PP\n/, '')}`
const subsection = (title: string, ...lines: readonly string[]): string =>
  [`.SS ${title}`, ...lines].join('\n')
const paragraph = (text: string): string => `.PP\n${prose(text)}`

function commandEntries(group: CommandSpec['group']): string[] {
  return commandNames
    .filter((name) => commands[name].group === group)
    .map((name) => {
      const { operand, flags = {}, help, runs } = commands[name]
      const own = Object.entries(runs === true ? {} : flags).map(
        ([flag, { placeholder: value }]) =>
          value === undefined ? `[${bold(`-${flag}`)}]` : `[${bold(`-${flag}`)} ${italic(value)}]`,
      )
      const meanings = Object.entries(flags).map(([flag, spec]) => `-${flag}: ${spec.help}`)
      const words = [bold(name), ...(operand === undefined ? [] : [plain(operandText(operand))])]
      const rest = runs === true ? [plain('[flags] [-- COMMAND [ARG...]]')] : []
      const flagLines = meanings.flatMap((text) => ['.br', prose(sentence(text))])
      return [entry([...words, ...own, ...rest].join(' '), help), ...flagLines].join('\n')
    })
}

function optionEntry(name: OptionName): string {
  const option = optionOf(name)
  const flags = [name, ...(option.aliases ?? [])].map((flag) => bold(`-${flag}`)).join(', ')
  const head = option.type === 'boolean' ? flags : `${flags} ${italic(placeholder(name))}`
  const note = option.default === undefined ? '' : ` (default ${option.default})`
  return entry(head, option.help + note, ...elsewhere(name))
}

/** The variable and entry of an option, if they deviate from the rules in ENVIRONMENT and FILES. */
function elsewhere(name: OptionName): string[] {
  const [variable] = envNames(name)
  const [key] = tomlNames(name)
  if (variable === undefined) return ['Only a flag']
  const usual = `CONFD_${name.toUpperCase().replaceAll('-', '_')}`
  return [
    ...(variable === usual ? [] : [`In the environment: \`${variable}\``]),
    ...(key === undefined
      ? ['Not in confd.toml']
      : key === name
        ? []
        : [`In confd.toml: \`${key}\``]),
  ]
}

function optionSections(): string[] {
  const groups = new Map<OptionGroup, string[]>()
  for (const name of optionNames) {
    const { group } = optionOf(name)
    groups.set(group, [...(groups.get(group) ?? []), optionEntry(name)])
  }
  return [...groups].map(([group, entries]) => subsection(group, ...entries))
}

const keyEntries = (keys: Readonly<Record<string, KeySpec>>): string[] =>
  Object.entries(keys).map(([key, { doc, required }]) =>
    entry(bold(key) + (required === true ? ' (required)' : ''), doc),
  )

/** An example with its purpose. */
const example = (meaning: string, command: string): string =>
  ['.PP', prose(meaning), '.PP', '.nf', '.RS', plain(command), '.RE', '.fi'].join('\n')

/**
 * The page as roff, without a date, so that the page depends only on the version.
 * @param version as in package.json
 */
export function manPage(version: string): string {
  return [
    `.TH RECONFD 1 "" "reconfd ${version}" "User Commands"`,
    section(
      'NAME',
      plain('reconfd - keep configuration files in step with a key-value store, reload programs'),
    ),
    section(
      'SYNOPSIS',
      `${bold('reconfd')} [${italic('flags')}] [-- ${italic('PROGRAM')} [${italic('ARGUMENT')}...]]`,
      '.br',
      `${bold('reconfd')} ${italic('COMMAND')} [${italic('flags')}]`,
    ),
    section(
      'DESCRIPTION',
      paragraph(
        'reconfd renders configuration files from keys in etcd, Consul, ZooKeeper, Redis, plain files or the environment. It checks these files, swaps them in and reloads the programs that read them, either once (-onetime) or as a daemon (-watch).',
      ),
      paragraph(
        'It accepts the folders, flags and settings of confd. A destination is always the complete old file or the complete new file. A failed reload is retried until it succeeds. While the store is unreachable, the last good files stay in place.',
      ),
    ),
    section(
      'COMMANDS',
      paragraph('These commands are sent to the daemon with the same -confdir and -state-dir:'),
      ...commandEntries('daemon'),
      paragraph('These commands need no daemon:'),
      ...commandEntries('offline'),
    ),
    section(
      'OPTIONS',
      paragraph(
        'Flags take one dash or two. Durations are seconds or Go durations (10, 250ms, 1m30s). Flags override the environment, which overrides confd.toml, which overrides the defaults.',
      ),
      ...optionSections(),
    ),
    section(
      'RESOURCES',
      paragraph(
        'Each file *.toml in conf.d is a resource: it contains one `[template]`, or several as `[[template]]`.',
      ),
      subsection('Keys of [template]', ...keyEntries(templateKeys)),
      subsection('Keys above [template], or inside it', ...keyEntries(resourceFileKeys)),
      subsection('Keys of [template.guard]', ...keyEntries(guardKeys)),
    ),
    section(
      'ENVIRONMENT',
      paragraph(
        'Each flag can also be set by an environment variable, unless its description says otherwise. The name of the variable is `CONFD_` followed by the name of the flag in capitals, with `_` for each dash, as in `CONFD_LOG_LEVEL`. Commas separate the values of a list.',
      ),
      entry(bold('NO_COLOR'), 'If this variable is set and not empty, the output has no colours'),
    ),
    section('FILES', ...files.map(([path, meaning]) => entry(italic(path), meaning))),
    section('SIGNALS', ...signals.map(([name, meaning]) => entry(bold(name), meaning))),
    section(
      'EXIT STATUS',
      ...exitCodes.map(([code, meaning]) => entry(bold(String(code)), meaning)),
    ),
    section(
      'EXAMPLES',
      example('Check the configuration:', 'reconfd check'),
      example('Show pending changes:', 'reconfd -onetime -noop -diff'),
      example('Follow etcd as a daemon:', 'reconfd -watch -backend etcd -node 127.0.0.1:2379'),
      example('Show the state of the daemon:', 'reconfd status'),
    ),
    section('SEE ALSO', `${bold('systemd.service')}(5), ${bold('journalctl')}(1)`),
    '',
  ].join('\n')
}

const files: readonly (readonly [path: string, meaning: string])[] = [
  [
    '/etc/confd/confd.toml',
    'The settings: each entry has the name of a flag, with dashes or underscores. The file may be missing.',
  ],
  ['/etc/confd/conf.d', 'The resources, including those in subfolders.'],
  ['/etc/confd/templates', 'The templates: *.tmpl is Go text/template, *.njk is nunjucks.'],
  [
    '/var/lib/reconfd',
    'State that is kept between runs, such as owed reloads. For users other than root, the folder is ~/.local/state/reconfd.',
  ],
]

const signals: readonly (readonly [name: string, meaning: string])[] = [
  [
    'TERM, INT',
    'Finish the running work and exit. A second signal makes reconfd exit immediately.',
  ],
  ['HUP', 'Read the settings and resources again, and process every resource.'],
]
