// Whether a text is JSON. A name that an object has twice is a fault: one of the two would be lost.
import { parseJson } from '../../core/json.ts'

/** Throws a SyntaxFault, or a RangeError. Integers are not converted: that takes more than linear time. */
export function check(text: string): void {
  parseJson(text, { integer: () => 0, repeats: false })
}
