// Searches a string in linear time. In the worst case, the native search takes time proportional to the product of both
// lengths, and both strings may come from a store.

/** Parts shorter than this use the native search, which then compares each character at most this many times. */
const SHORT = 64

/** Like String.indexOf. */
export function indexOf(text: string, part: string, from = 0): number {
  return part.length < SHORT ? text.indexOf(part, from) : knuthMorrisPratt(text, part, from)
}

export const includesText = (text: string, part: string): boolean => indexOf(text, part) >= 0

/** Like String.split. The separator must not be empty. */
export function splitAt(text: string, separator: string): string[] {
  if (separator.length < SHORT) return text.split(separator)
  const parts: string[] = []
  let done = 0
  for (let at = indexOf(text, separator); at >= 0; at = indexOf(text, separator, done)) {
    parts.push(text.slice(done, at))
    done = at + separator.length
  }
  parts.push(text.slice(done))
  return parts
}

function knuthMorrisPratt(text: string, part: string, from: number): number {
  const borders = bordersOf(part)
  let matched = 0
  for (let at = from; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    while (matched > 0 && part.charCodeAt(matched) !== unit)
      matched = borders[matched - 1] as number
    if (part.charCodeAt(matched) === unit) matched++
    if (matched === part.length) return at + 1 - matched
  }
  return -1
}

/** For each prefix of the part: the length of its longest proper suffix that is also a prefix. */
function bordersOf(part: string): Int32Array {
  const borders = new Int32Array(part.length)
  let matched = 0
  for (let at = 1; at < part.length; at++) {
    const unit = part.charCodeAt(at)
    while (matched > 0 && part.charCodeAt(matched) !== unit)
      matched = borders[matched - 1] as number
    if (part.charCodeAt(matched) === unit) matched++
    borders[at] = matched
  }
  return borders
}
