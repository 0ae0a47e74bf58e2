// What goes wrong while TLS is set up, in the operator's words: whose certificate is not taken, and why.
import type { Fault } from '../core/fault.ts'

type Words = Pick<Fault, 'hint' | 'permanent'> & { readonly what: string }

interface TlsError extends Error {
  readonly code?: string
  /** Of ERR_TLS_CERT_ALTNAME_INVALID: the name that was expected, and the certificate. */
  readonly host?: string
  readonly cert?: { readonly subjectaltname?: string }
}

const TRUST = 'name the authority that signed it with -client-ca-keys'
const UNTRUSTED = [
  "the server's certificate is signed by an authority that is not trusted",
  TRUST,
] as const
const GIVE = 'give -client-cert and -client-key'
const OURS =
  'check -client-cert and -client-key: signed by an authority of the server, and not expired?'

/** The server's certificate, as OpenSSL judges it: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const SERVERS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  CERT_HAS_EXPIRED: [
    "the server's certificate has expired",
    "renew it at the server, and check this machine's clock",
  ],
  CERT_NOT_YET_VALID: [
    "the server's certificate is not valid yet",
    'check the clocks of this machine and of the server',
  ],
  DEPTH_ZERO_SELF_SIGNED_CERT: ["the server's certificate is self-signed and not trusted", TRUST],
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  CERT_SIGNATURE_FAILURE: [
    "the server's certificate is not signed by the authority of that name that is trusted",
    TRUST,
  ],
}

/** Undefined when it is not about TLS. What is known here does not mend itself while one waits. */
export function explainTls(error: unknown, code: string): Words | undefined {
  const { message = '', host = '', cert } = error as TlsError
  const known = SERVERS[code]
  if (known !== undefined) return words(...known)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = cert?.subjectaltname ?? 'no name at all'
    return words(
      `the server's certificate is for ${names}, and not for ${host}`,
      'write one of its names in -node, or in -client-server-name',
    )
  }
  if (/ALERT_CERTIFICATE_REQUIRED/.test(code)) {
    return words('the server asks for a client certificate', GIVE)
  }
  // Servers up to TLS 1.2 answer "bad certificate" also when there was none.
  if (/ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)/.test(code)) {
    return words('the server does not accept the client certificate, or misses one', OURS)
  }
  if (/ALERT_HANDSHAKE_FAILURE/.test(code)) {
    return words(
      'the server ended the handshake: it asks for a client certificate, or for another version of TLS',
      GIVE,
    )
  }
  if (!/CERT|SIGNATURE|SELF_SIGNED|ISSUER|TLS|SSL/.test(code)) return undefined
  return {
    what: `TLS: ${message}`,
    hint: 'check -client-ca-keys, -client-cert and -client-key',
  }
}

const words = (what: string, hint: string): Words => ({
  what: `TLS: ${what}`,
  hint,
  permanent: true,
})
