import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeValue, encodeText } from '../../src/core/bytes.ts'
import { compareText } from '../../src/core/key.ts'

const bytes = (...values: number[]): Buffer => Buffer.from(values)
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  // Text that is mostly UTF-8, with arbitrary bytes in between.
  fc
    .array(fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 3 })))
    .map((parts) => Buffer.concat(parts.map((part) => Buffer.from(part)))),
)

describe('the codec of values', () => {
  it.each([
    ['ASCII', bytes(0x61, 0), 'a\0'],
    ['UTF-8', Buffer.from('ü😀'), 'ü😀'],
    ['a byte order mark', bytes(0xef, 0xbb, 0xbf, 0x61), '\ufeffa'],
    ['U+FFFD itself', Buffer.from('\ufffd'), '\ufffd'],
    ['U+FFFD beside a lost byte', bytes(0xef, 0xbf, 0xbd, 0xff), '\ufffd\udcff'],
    ['a lone continuation', bytes(0x80, 0x61), '\udc80a'],
    ['a sequence that is cut off', bytes(0xe2, 0x82), '\udce2\udc82'],
    ['an overlong form', bytes(0xc0, 0xaf), '\udcc0\udcaf'],
    ['a surrogate half', bytes(0xed, 0xa0, 0x80), '\udced\udca0\udc80'],
    ['beyond U+10FFFF', bytes(0xf4, 0x90, 0x80, 0x80), '\udcf4\udc90\udc80\udc80'],
  ])('%s', (_, raw, text) => {
    expect(decodeValue(raw)).toBe(text)
    expect(encodeText(text)).toEqual(raw)
  })

  it('returns every sequence of bytes unchanged', () => {
    fc.assert(fc.property(anyBytes, (raw) => encodeText(decodeValue(Buffer.from(raw))).equals(raw)))
  })

  it('writes U+FFFD for a lone surrogate that represents no byte', () => {
    expect(encodeText('a\ud800b\udc7f')).toEqual(Buffer.from('a\ufffdb\ufffd'))
  })

  it('orders texts by their bytes', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, anyBytes, (start, a, b) => {
        const [x, y] = [a, b].map((end) => Buffer.concat([start, end])) as [Buffer, Buffer]
        const order = compareText(decodeValue(x), decodeValue(y))
        expect(Math.sign(order)).toBe(Math.sign(x.compare(y)))
      }),
      { numRuns: 1000 },
    )
  })
})
