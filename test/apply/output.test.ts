// Tests the size limit for captured output against a model that simply concatenates all output.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CappedOutput } from '../../src/apply/output.ts'

it('keeps what fits; of a longer output, the beginning, the end and the number of dropped bytes', () => {
  const chunks = fc.array(fc.stringMatching(/^[a-z]{0,40}$/))
  fc.assert(
    fc.property(chunks, fc.integer({ min: 8, max: 64 }), (texts, cap) => {
      const output = new CappedOutput(cap)
      for (const text of texts) output.push(Buffer.from(text))
      const whole = texts.join('')
      expect(output.truncated).toBe(Math.max(0, whole.length - cap))
      if (whole.length <= cap) expect(output.text()).toBe(whole)
      else {
        const head = cap >> 2
        const gap = `\n[... ${whole.length - cap} bytes omitted ...]\n`
        expect(output.text()).toBe(whole.slice(0, head) + gap + whole.slice(head - cap))
      }
    }),
  )
})
