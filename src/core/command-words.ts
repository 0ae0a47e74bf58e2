// Finds the programs that a shell command starts, without running it: the first word of each part between `&&`, `||`,
// `;`, `|` and `&`.

/** Keywords that are followed by a command. */
const KEYWORDS = new Set(['if', 'then', 'else', 'elif', 'while', 'until', 'do', '!', '{', '('])
/** Keywords that begin or end a compound command. The words after them, up to the next separator, are ignored. */
const COMPOUND = new Set([
  'for',
  'case',
  'select',
  'function',
  'in',
  'done',
  'fi',
  'esac',
  '}',
  ')',
])

const TOKEN =
  /\s+|&&|\|\||[;|&()\n]|(?:\\.|"(?:\\.|[^"\\])*"|'[^']*'|\{\{.*?\}\}|[^\s;|&()"'\\])+/gs
const SEPARATOR = /^(?:&&|\|\||[;|&(\n])$/

/** The unquoted program names, each once, in order. Omits words that the shell expands (`$X`, a glob). */
export const commandWords = (command: string): readonly string[] =>
  programWords(command)
    .filter((word) => !/[$`*?[\]{}]/.test(word))
    .map(unquoted)

const unquoted = (word: string): string => word.replace(/\\(.)|["']/gs, '$1')

/** The program names as written, with their quotes, each once, in order. */
export function programWords(command: string): readonly string[] {
  const words = new Set<string>()
  let expected = true
  let redirected = false
  for (const [token] of command.matchAll(TOKEN)) {
    if (/^[ \t]+$/.test(token)) continue
    if (SEPARATOR.test(token.trim() === '' ? '\n' : token)) {
      expected = true
      continue
    }
    if (redirected || /^\d*[<>]/.test(token)) {
      // In `> file`, the next word is the file name.
      redirected = !redirected && /^\d*[<>]+&?$/.test(token)
      continue
    }
    if (!expected || /^[A-Za-z_]\w*=/.test(token) || KEYWORDS.has(token)) continue
    expected = false
    if (!COMPOUND.has(token)) words.add(token)
  }
  return [...words]
}
