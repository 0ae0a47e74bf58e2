// Conceals secrets on the command line, which `ps` shows to every user of the machine.
import { optionNames, optionOf } from './options.ts'

const secrets = optionNames.filter((name) => optionOf(name).secret === true).join('|')
const flag = new RegExp(`^(--?(?:${secrets}))(=.*)?$`, 's')

/** Returns the arguments with passwords and tokens masked; undefined if they contain none. */
export function concealed(argv: readonly string[]): readonly string[] | undefined {
  const shown = argv.map((argument, at) => {
    const [, name, inline] = flag.exec(argument) ?? []
    if (inline !== undefined) return `${name}=***`
    const [, before, value] = flag.exec(argv[at - 1] ?? '') ?? []
    return before !== undefined && value === undefined ? '***' : argument
  })
  return shown.some((argument, at) => argument !== argv[at]) ? shown : undefined
}
