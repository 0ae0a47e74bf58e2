// The files of a secured connection: our certificate and key, and whom to trust.
import { readFileSync } from 'node:fs'
import { raise } from '../core/fault.ts'
import type { Connection } from '../core/settings.ts'
import { codeOf } from './http-faults.ts'

export interface TlsFiles {
  readonly cert?: Buffer
  readonly key?: Buffer
  readonly ca?: Buffer
}

/** As Node's TLS takes them; read anew each time. Throws a FaultError when one cannot be read. */
export function tlsFiles(connection: Connection): TlsFiles {
  const { clientCert, clientKey, clientCaKeys } = connection
  return {
    ...(clientCert === undefined ? {} : { cert: readTls(clientCert, '-client-cert') }),
    ...(clientKey === undefined ? {} : { key: readTls(clientKey, '-client-key') }),
    ...(clientCaKeys === undefined ? {} : { ca: readTls(clientCaKeys, '-client-ca-keys') }),
  }
}

function readTls(file: string, option: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    return raise('store', `cannot read the file of ${option}: ${codeOf(error)}`, {
      file,
      hint: `check ${option} and the file's permissions`,
      permanent: true,
    })
  }
}
