// What a server says in its own words, as far as that belongs into a message of ours.

/** Characters. */
const MOST = 200

/** In one line, and not without end. */
export const serverText = (words: string): string => {
  const line = words
    .slice(0, 2 * MOST)
    .replace(/\s+/g, ' ')
    .trim()
  return line.length > MOST ? `${line.slice(0, MOST)}...` : line
}
