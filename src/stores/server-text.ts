// Texts of a server, for messages.

/** Characters. */
const MOST = 200

/** Converts to one line of limited length. */
export const serverText = (words: string): string => {
  const line = words
    .slice(0, 2 * MOST)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > MOST ? `${line.slice(0, MOST)}...` : line
}
