// snakecase, kebabcase and camelcase.
import { toLower, toUpper } from './unicode.ts'

/**
 * Splits a string into words: at separators, before an upper-case letter that follows any other character, and before
 * the last of several upper-case letters if a lower-case letter follows. So `HTTPServer` becomes HTTP and Server.
 */
function wordsOf(text: string): string[] {
  const chars = [...text.toWellFormed()]
  const words: string[] = []
  let word = ''
  const cut = (): void => {
    if (word !== '') words.push(word)
    word = ''
  }
  chars.forEach((char, i) => {
    if (char === '_' || char === '-' || char === ' ') {
      cut()
      return
    }
    if (/\p{Lu}/u.test(char) && word !== '') {
      if (/\p{Ll}/u.test(chars[i + 1] ?? '') || !/\p{Lu}/u.test(chars[i - 1] ?? '')) cut()
    }
    word += char
  })
  cut()
  return words
}

export const joinWords = (text: string, separator: string): string =>
  wordsOf(text).map(toLower).join(separator)

export const camelCase = (text: string): string =>
  wordsOf(text)
    .map((word, i) => {
      if (i === 0) return toLower(word)
      const [first = '', ...rest] = word
      return toUpper(first) + toLower(rest.join(''))
    })
    .join('')
