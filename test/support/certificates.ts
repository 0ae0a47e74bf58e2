// Creates certificates for tests. The code encodes them as DER (RFC 5280) itself, so that openssl is not needed and a
// certificate can have any defect that a test needs.
import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

export interface CertificateFiles {
  /** PEM files, as in -client-cert and -client-key. */
  readonly cert: string
  readonly key: string
}

export interface Subject {
  /** The host name or IPv4 address in the certificate; default 127.0.0.1. */
  readonly host?: string
  readonly notAfter?: Date
}

const sequence = 0x30
const set = 0x31
const integer = 0x02
const bitString = 0x03
const octetString = 0x04
const boolean = 0x01
const utf8 = 0x0c
const utcTime = 0x17

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  for (let n = body.length; n > 0; n >>= 8) length.unshift(n & 0xff)
  const head = body.length < 128 ? [body.length] : [0x80 | length.length, ...length]
  return Buffer.concat([Buffer.of(tag, ...head), body])
}

/** Encodes an object identifier, given as its DER contents in hex. */
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))
const ecdsaWithSha256 = der(sequence, oid('2a8648ce3d040302'))
const commonName = oid('550403')
const basicConstraints = oid('551d13')
const subjectAltName = oid('551d11')

const nameOf = (text: string): Buffer =>
  der(sequence, der(set, der(sequence, commonName, der(utf8, Buffer.from(text)))))

const timeOf = (date: Date): Buffer =>
  der(utcTime, Buffer.from(`${date.toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`))

const pem = (label: string, body: Buffer): string =>
  `-----BEGIN ${label}-----\n${body.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`

const DAY = 86_400_000

/** A certificate authority with its own key. `cert` is the path of its certificate. */
export class Authority {
  readonly cert: string
  readonly #name: string
  readonly #key: KeyObject

  constructor(
    private readonly folder: string,
    name = 'authority',
  ) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#name = name
    this.#key = privateKey
    const isAuthority = der(sequence, der(boolean, Buffer.of(0xff)))
    const extension = der(sequence, basicConstraints, der(octetString, isAuthority))
    this.cert = this.#write(name, name, publicKey, extension, new Date(Date.now() + DAY))
  }

  /** Issues a certificate for a server or a client, signed by this authority. */
  issue(name: string, { host = '127.0.0.1', notAfter }: Subject = {}): CertificateFiles {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const address = Buffer.from(host.split('.').map(Number))
    const general = isIP(host) === 4 ? der(0x87, address) : der(0x82, Buffer.from(host))
    const names = der(octetString, der(sequence, general))
    const extension = der(sequence, subjectAltName, names)
    const end = notAfter ?? new Date(Date.now() + DAY)
    const key = join(this.folder, `${name}.key`)
    writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    return { cert: this.#write(name, `reconfd test ${name}`, publicKey, extension, end), key }
  }

  #write(file: string, subject: string, key: KeyObject, extension: Buffer, end: Date): string {
    const toSign = der(
      sequence,
      der(0xa0, der(integer, Buffer.of(2))),
      der(integer, Buffer.concat([Buffer.of(1), randomBytes(8)])),
      ecdsaWithSha256,
      nameOf(this.#name),
      der(sequence, timeOf(new Date(Date.now() - 30 * DAY)), timeOf(end)),
      nameOf(subject),
      key.export({ type: 'spki', format: 'der' }),
      der(0xa3, der(sequence, extension)),
    )
    const signature = sign('sha256', toSign, this.#key)
    const whole = der(
      sequence,
      toSign,
      ecdsaWithSha256,
      der(bitString, Buffer.concat([Buffer.of(0), signature])),
    )
    const path = join(this.folder, `${file}.crt`)
    writeFileSync(path, pem('CERTIFICATE', whole))
    return path
  }
}
