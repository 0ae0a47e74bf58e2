// Hashes of the bytes of a string, in hexadecimal.
import { createHash, createHmac } from 'node:crypto'
import { encodeText } from '../../core/bytes.ts'
import { define } from './define.ts'
import { textParam } from './params.ts'

export const hashFunctions = [
  define('sha256sum', {
    params: [textParam('s')],
    doc: 'The SHA-256 hash of the bytes, in hexadecimal.',
    filter: 0,
    examples: [
      {
        nunjucks: 'sha256sum("abc")',
        go: 'sha256sum "abc"',
        result: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
      },
    ],
    run: (_, s) => createHash('sha256').update(encodeText(s)).digest('hex'),
  }),
  define('md5sum', {
    params: [textParam('s')],
    doc: 'The MD5 hash of the bytes, in hexadecimal. Use it to detect changes, not to protect secrets.',
    filter: 0,
    examples: [
      {
        nunjucks: 'md5sum("abc")',
        go: 'md5sum "abc"',
        result: '900150983cd24fb0d6963f7d28e17f72',
      },
    ],
    run: (_, s) => createHash('md5').update(encodeText(s)).digest('hex'),
  }),
  define('hmacSHA256', {
    params: [textParam('s'), textParam('key')],
    doc: 'The HMAC-SHA-256 of the bytes with a key, in hexadecimal.',
    filter: 0,
    examples: [
      {
        nunjucks: 'hmacSHA256("message", "key")',
        go: 'hmacSHA256 "message" "key"',
        result: '6e9ef29b75fffc5b7abae527d58fdadb2fe42e7219011976917343065f58ed4a',
      },
    ],
    run: (_, s, key) => createHmac('sha256', encodeText(key)).update(encodeText(s)).digest('hex'),
  }),
]
