// Prepares text from a server for use in messages.
import { withoutSecrets } from '../system/secrets.ts'

/** Maximum length of the result in characters, not counting the three dots at the end of a shortened text. */
const MOST = 200

/**
 * Converts text to one line of limited length. Removes secrets before shortening the text, because a part of a secret
 * would not be recognized.
 */
export const serverText = (words: string): string => {
  const line = withoutSecrets(words).replace(/\s+/g, ' ').trim()
  return line.length > MOST ? `${line.slice(0, MOST)}...` : line
}
