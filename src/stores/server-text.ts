// Texts of a server, for messages.
import { withoutSecrets } from '../system/secrets.ts'

/** Characters. */
const MOST = 200

/** Converts to one line of limited length. Removes secrets before it shortens: a part of one would not be recognized. */
export const serverText = (words: string): string => {
  const line = withoutSecrets(words).replace(/\s+/g, ' ').trim()
  return line.length > MOST ? `${line.slice(0, MOST)}...` : line
}
