// Tests the size limit for captured output against a model that simply concatenates all output.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { CappedOutput } from '../../src/apply/output.ts'
import { keepSecret } from '../../src/system/secrets.ts'

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

it('leaves no part of a secret next to the dropped bytes', () => {
  const secret = '5f1b-Token"XYZ'
  keepSecret(secret, 'usr')
  const pair = Buffer.from(`usr:${secret}`).toString('base64')
  const json = [...secret].map((c) => `\\u00${c.charCodeAt(0).toString(16)}`).join('')
  for (const form of [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    json,
    pair,
  ]) {
    for (let at = 0; at <= 600; at++) {
      const output = new CappedOutput(400)
      output.push(Buffer.from('.'.repeat(at) + form + '.'.repeat(700 - at)))
      const rest = output.text().replace(/\n.*\n/, '')
      expect(rest).toMatch(/^[.*]*$/)
    }
  }
})
