// Checks that rendered content is JSON. A repeated name in an object is an error: parsers keep only one of its values.
import { parseJson } from '../../core/json.ts'

/**
 * Does not convert integers, because the conversion takes more than linear time.
 * @throws SyntaxFault; RangeError if nested too deeply
 */
export function check(text: string): void {
  parseJson(text, { integer: () => 0, repeats: false })
}
