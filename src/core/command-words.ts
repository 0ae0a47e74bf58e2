// The programs that a shell command starts, as far as they can be told without running it: the first
// word of it, and of each part behind `&&`, `||`, `;`, `|` and `&`.

/** Words behind which another command begins. */
const KEYWORDS = new Set(['if', 'then', 'else', 'elif', 'while', 'until', 'do', '!', '{', '('])
/** Words that begin something that is no simple command; what follows is left alone. */
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

/** Each once, in order. A word that the shell has yet to expand (`$X`, a glob) is left out. */
export const commandWords = (command: string): readonly string[] =>
  programWords(command)
    .filter((word) => !/[$`*?[\]{}]/.test(word))
    .map(unquoted)

const unquoted = (word: string): string => word.replace(/\\(.)|["']/gs, '$1')

/** Each once, in order, as it is written. */
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
      // `> file`: the name may be a word of its own.
      redirected = !redirected && /^\d*[<>]+&?$/.test(token)
      continue
    }
    if (!expected || /^[A-Za-z_]\w*=/.test(token) || KEYWORDS.has(token)) continue
    expected = false
    if (!COMPOUND.has(token)) words.add(token)
  }
  return [...words]
}
