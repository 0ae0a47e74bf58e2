// Generates the completion scripts for bash, zsh and fish from the tables of options and commands.
import { commandFlags, commandNames, commands } from './commands.ts'
import { optionNames, optionOf, placeholder } from './options.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type CompletionShell = (typeof shells)[number]

interface CompletionFlag {
  readonly name: string
  readonly help: string
  /** How to complete the value of the flag; absent if the flag takes no value. */
  readonly value?: 'file' | 'folder' | 'text' | readonly string[]
}

const FOLDERS = new Set(['confdir', 'state-dir', 'dest-root'])

const flags: readonly CompletionFlag[] = [
  ...optionNames.map((name): CompletionFlag => {
    const { type, help, choices } = optionOf(name)
    if (type === 'boolean') return { name, help }
    if (choices !== undefined) return { name, help, value: choices }
    if (FOLDERS.has(name)) return { name, help, value: 'folder' }
    return { name, help, value: name === 'file' || placeholder(name) === 'file' ? 'file' : 'text' }
  }),
  ...[...commandFlags].map(([name, { help, placeholder: value, choices, of }]): CompletionFlag => ({
    name,
    help: `${help} (${of.join(', ')})`,
    ...(value === undefined
      ? {}
      : { value: choices ?? (value === 'file' || value === 'folder' ? value : 'text') }),
  })),
]

/** The possible arguments of a command. */
type OperandWords = readonly string[] | 'folder'

const operands = commandNames.flatMap(
  (name): (readonly [command: string, words: OperandWords])[] => {
    const { operand } = commands[name]
    if (operand?.choices !== undefined) return [[name, operand.choices]]
    if (operand?.name === 'COMMAND') return [[name, commandNames]]
    return operand?.name === 'DIR' ? [[name, 'folder']] : []
  },
)

const scripts: Readonly<Record<CompletionShell, () => string>> = { bash, zsh, fish }

export const completionText = (shell: CompletionShell): string => scripts[shell]()

/** Returns a shell pattern that matches both spellings of each flag: `-backend|--backend`. */
const both = (names: readonly string[]): string =>
  names.flatMap((name) => [`-${name}`, `--${name}`]).join('|')

function bash(): string {
  const withValue = (value: CompletionFlag['value']): string[] =>
    flags.filter((flag) => flag.value === value).map(({ name }) => name)
  const reply = (words: string): string => `COMPREPLY=($(compgen ${words} -- "$word")); return`
  // File names may contain spaces.
  const names = (kind: '-d' | '-f'): string => `local IFS=$'\\n'; ${reply(kind)}`
  const choices = flags.flatMap(({ name, value }) =>
    typeof value === 'object'
      ? [`    ${both([name])}) ${reply(`-W '${value.join(' ')}'`)} ;;`]
      : [],
  )
  const followed = operands.map(
    ([name, words]) =>
      `    ${name}) ${words === 'folder' ? names('-d') : reply(`-W '${words.join(' ')}'`)} ;;`,
  )
  const dashed = flags.map(({ name }) => `-${name}`).join(' ')
  return `# bash completion of reconfd: source <(reconfd completion bash)
_reconfd() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # Bash splits -flag=value into three words.
  if [ "$word" = = ]; then word=
  elif [ "$before" = = ]; then before=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $before in
${choices.join('\n')}
    ${both(withValue('folder'))}) ${names('-d')} ;;
    ${both(withValue('file'))}) ${names('-f')} ;;
    ${both(withValue('text'))}) return ;;
${followed.join('\n')}
  esac
  case $word in
    --*) COMPREPLY=($(compgen -P - -W '${dashed}' -- "\${word#-}")) ;;
    -*) ${reply(`-W '${dashed}'`)} ;;
    *) ${reply(`-W '${commandNames.join(' ')}'`)} ;;
  esac
}
complete -o filenames -F _reconfd reconfd
`
}

/** Escapes text for single quotes. */
const quoted = (text: string): string => text.replaceAll("'", `'\\''`)

function zsh(): string {
  const action = ({ value }: CompletionFlag): string => {
    if (value === undefined) return ''
    if (typeof value === 'object') return `:value:(${value.join(' ')})`
    return { file: ':file:_files', folder: ':folder:_files -/', text: ':value: ' }[value]
  }
  const escapeHelp = (help: string): string => quoted(help.replace(/[[\]:\\]/g, '\\$&'))
  const specs = flags.map((flag) => {
    const head = `'*-${flag.name}`
    return `    ${head}[${escapeHelp(flag.help)}]${action(flag)}'`
  })
  const rows = commandNames.map((name) => `    '${name}:${escapeHelp(commands[name].help)}'`)
  const followed = operands.map(
    ([name, words]) =>
      `    ${name}) ${words === 'folder' ? '_files -/' : `compadd ${words.join(' ')}`} ;;`,
  )
  return `#compdef reconfd
# zsh completion of reconfd: source <(reconfd completion zsh), or save it as _reconfd in $fpath
_reconfd() {
  local state
  local -a commands
  commands=(
${rows.join('\n')}
  )
  _arguments \\
${specs.join(' \\\n')} \\
    '1: :->command' \\
    '2: :->operand'
  case $state in
    command) _describe command commands ;;
    operand) case $line[1] in
${followed.join('\n')}
    esac ;;
  esac
}
if [ "$funcstack[1]" = _reconfd ]; then _reconfd "$@"; else compdef _reconfd reconfd; fi
`
}

function fish(): string {
  const escapeHelp = (help: string): string => help.replace(/[\\']/g, '\\$&')
  const lines = flags.map(({ name, help, value }) => {
    const what =
      value === undefined
        ? ''
        : typeof value === 'object'
          ? ` -x -a '${value.join(' ')}'`
          : { file: ' -r -F', folder: " -x -a '(__fish_complete_directories)'", text: ' -x' }[value]
    return `complete -c reconfd -o ${name}${what} -d '${escapeHelp(help)}'`
  })
  const rows = commandNames.map(
    (name) =>
      `complete -c reconfd -n __fish_use_subcommand -a ${name} -d '${escapeHelp(commands[name].help)}'`,
  )
  const followed = operands.map(([name, words]) => {
    const what = words === 'folder' ? '(__fish_complete_directories)' : words.join(' ')
    return `complete -c reconfd -n '__fish_seen_subcommand_from ${name}' -a '${what}'`
  })
  return `# fish completion of reconfd: reconfd completion fish | source
complete -c reconfd -f
${[...rows, ...followed, ...lines].join('\n')}
`
}
