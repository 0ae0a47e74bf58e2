// The TLS options of a connection: certificate, key, trusted authorities and expected name. The files are read for each
// new connection, so that renewed certificates are used without a restart.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import { raise } from '../core/fault.ts'
import type { ConnectionSettings } from '../core/settings.ts'
import { readOptionFile } from './secrets.ts'

/** Options of Node's tls.connect(). Only with -client-server-name do they contain the expected name. */
export type TlsOptions = Pick<
  ConnectionOptions,
  'cert' | 'key' | 'ca' | 'servername' | 'checkServerIdentity' | 'rejectUnauthorized'
>

/** Throws a FaultError if a file cannot be read or has the wrong content. */
export function tlsOptions(connection: ConnectionSettings): TlsOptions {
  const { clientCert, clientKey, clientCaKeys, clientServerName, clientInsecure } = connection
  const named = (option: string): string => connection.suppliedBy?.[option] ?? `-${option}`
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const [there, missing] = clientKey === undefined ? ['cert', 'key'] : ['key', 'cert']
    raise('config', `${named(`client-${there}`)} is given without -client-${missing}`, {
      hint: 'set both; they may be the same file',
      permanent: true,
    })
  }
  return {
    ...(clientCert === undefined || clientKey === undefined
      ? {}
      : pairOf([clientCert, named('client-cert')], [clientKey, named('client-key')])),
    ...(clientCaKeys === undefined
      ? {}
      : { ca: authorities(clientCaKeys, named('client-ca-keys')) }),
    ...(clientServerName === undefined ? {} : expecting(clientServerName)),
    ...(clientInsecure === true ? { rejectUnauthorized: false } : {}),
  }
}

/** A file, and the setting that names it. */
type Given = readonly [file: string, setting: string]

function pairOf(
  [certFile, certSetting]: Given,
  [keyFile, keySetting]: Given,
): { cert: Buffer; key: Buffer } {
  const cert = readOptionFile(certFile, certSetting)
  const key = readOptionFile(keyFile, keySetting)
  const parsed = parse(() => new X509Certificate(cert), certFile, certSetting, 'a certificate')
  const secret = parse<KeyObject>(
    () => createPrivateKey(key),
    keyFile,
    keySetting,
    'a private key without a passphrase',
  )
  if (!parsed.checkPrivateKey(secret)) {
    raise(
      'store',
      `the key of ${keySetting} does not belong to the certificate of ${certSetting}`,
      {
        file: keyFile,
        hint: 'use a certificate and a key that belong together; while both are being renewed, reconfd retries',
        permanent: true,
      },
    )
  }
  return { cert, key }
}

/** Server Name Indication does not allow IP addresses, but a certificate can contain an IP address. */
const expecting = (name: string): TlsOptions =>
  isIP(name) === 0
    ? { servername: name }
    : {
        checkServerIdentity: (_node, certificate) =>
          process.getBuiltinModule('node:tls').checkServerIdentity(name, certificate),
      }

function authorities(file: string, setting: string): Buffer {
  const ca = readOptionFile(file, setting)
  parse(() => new X509Certificate(ca), file, setting, 'a certificate')
  return ca
}

function parse<T>(read: () => T, file: string, setting: string, what: string): T {
  try {
    return read()
  } catch {
    return raise('store', `the file given by ${setting} does not contain ${what} in PEM format`, {
      file,
      hint: `check ${setting}`,
      permanent: true,
    })
  }
}
