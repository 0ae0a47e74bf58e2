// Redis replies, however the network splits them, and malformed replies.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FaultError } from '../../src/core/fault.ts'
import { Decoder, ProtocolError, type Reply } from '../../src/stores/redis/resp.ts'

const limits = { body: 2 ** 16, message: 2 ** 12 }

/** Decodes bytes written in pieces of these sizes. */
function decode(bytes: Buffer, sizes: Iterator<number> = [bytes.length].values()) {
  const replies: Reply[] = []
  const errors: string[] = []
  const pushes: (readonly Reply[])[] = []
  const decoder = new Decoder(
    {
      reply: (reply) => replies.push(reply),
      error: (text) => errors.push(text),
      push: (items) => pushes.push(items),
    },
    'Redis at n',
    limits,
  )
  for (let at = 0; at < bytes.length;) {
    const end = at + (sizes.next().value as number)
    decoder.write(bytes.subarray(at, end))
    at = end
  }
  return { replies, errors, pushes }
}

const encode = (reply: Reply): string => {
  if (typeof reply === 'string') return `$${Buffer.byteLength(reply)}\r\n${reply}\r\n`
  if (typeof reply === 'number') return `:${reply}\r\n`
  if (typeof reply === 'boolean') return `#${reply ? 't' : 'f'}\r\n`
  if (reply === null) return '_\r\n'
  return `*${reply.length}\r\n${reply.map(encode).join('')}`
}

test('replies come out whole, wherever the stream is cut', () => {
  const { reply } = fc.letrec<{ reply: Reply; list: Reply[] }>((tie) => ({
    reply: fc.oneof(
      { maxDepth: 4 },
      fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      tie('list'),
    ),
    list: fc.array(tie('reply'), { maxLength: 5 }),
  }))
  fc.assert(
    fc.property(
      fc.array(reply, { maxLength: 8 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 9 })),
      (all, sizes) => {
        expect(decode(Buffer.from(all.map(encode).join('')), sizes).replies).toEqual(all)
      },
    ),
  )
})

test.each([
  ['+OK\r\n', 'OK'],
  ['$-1\r\n', null],
  ['*-1\r\n', null],
  ['=7\r\ntxt:abc\r\n', 'abc'],
  [',1.5e3\r\n', '1.5e3'],
  ['(123456789012345678901\r\n', '123456789012345678901'],
  ['%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n', ['a', 1, 'b', 2]],
  ['~1\r\n+a\r\n', ['a']],
  ['*0\r\n', []],
])('%j', (text, reply) => {
  expect(decode(Buffer.from(text)).replies).toEqual([reply])
})

test('errors and pushes are distinguished from replies', () => {
  const text = '-ERR no\r\n!4\r\nERR2\r\n>2\r\n+message\r\n$2\r\nhi\r\n+OK\r\n'
  expect(decode(Buffer.from(text))).toEqual({
    errors: ['ERR no', 'ERR2'],
    pushes: [['message', 'hi']],
    replies: ['OK'],
  })
})

describe('refused', () => {
  test.each([
    'HTTP/1.1 400 Bad Request\r\n',
    '\0\0\0\0',
    '$abc\r\n',
    '$-7\r\n',
    '$3\r\nabcd\r\n',
    '*x\r\n',
    '*-2\r\n',
    ':1.5\r\n',
    ':\r\n',
    '#x\r\n',
    '_x\r\n',
    ',abc\r\n',
    '+a\rb\r\n',
    '+a\n',
    '*1\r\n-ERR\r\n',
    '*1\r\n>1\r\n+a\r\n',
    '*1\r\n'.repeat(20),
  ])('%j', (text) => {
    expect(() => decode(Buffer.from(text))).toThrow(ProtocolError)
  })

  test.each([
    ['$9000\r\n', 'a value of more than 4 KiB (-max-message)'],
    ['$99999999999\r\n', 'a value of more than 4 KiB (-max-message)'],
    [`*99999\r\n${'_\r\n'.repeat(30_000)}`, 'an answer of more than 64 KiB (-max-body)'],
    [`+${'A'.repeat(70_000)}`, 'a line of more than 64 KiB'],
  ])('%.20s', (text, what) => {
    expect(() => decode(Buffer.from(text))).toThrow(FaultError)
    expect(() => decode(Buffer.from(text))).toThrow(`Redis at n sends ${what}`)
  })
})
