// Explains failures of TLS handshakes to the operator: which certificate was rejected, and why.
import type { Fault } from '../core/fault.ts'

type Words = Pick<Fault, 'hint' | 'permanent'> & { readonly what: string }

interface TlsError extends Error {
  readonly code?: string
  /** The expected name. Like `cert`, it is present only with ERR_TLS_CERT_ALTNAME_INVALID. */
  readonly host?: string
  readonly cert?: { readonly subjectaltname?: string }
}

const TRUST = 'set -client-ca-keys to the file with the CA certificate of the server'
const UNTRUSTED = [
  "the server's certificate is signed by an authority that is not trusted",
  TRUST,
] as const
const GIVE = 'set -client-cert and -client-key'
const OURS =
  'check that -client-cert is signed by an authority that the server trusts and has not expired'

/** Error codes about the server's certificate: https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const SERVERS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  CERT_HAS_EXPIRED: [
    "the server's certificate has expired",
    "renew it on the server, and check this machine's clock",
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
    "the server's certificate names a trusted authority, but that authority has not signed it",
    TRUST,
  ],
}

/** Returns undefined if the error is not about TLS. Known errors are permanent. */
export function explainTls(error: unknown, code: string): Words | undefined {
  const { message = '', host = '', cert } = error as TlsError
  const known = SERVERS[code]
  if (known !== undefined) return words(...known)
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = cert?.subjectaltname ?? 'no name at all'
    return words(
      `the server's certificate is for ${names}, and not for ${host}`,
      'set -client-server-name, or the host in -node, to one of the names in the certificate',
    )
  }
  if (/ALERT_CERTIFICATE_REQUIRED/.test(code)) {
    return words('the server asks for a client certificate', GIVE)
  }
  // With TLS 1.2 and earlier, servers also report a missing certificate as "bad certificate".
  if (/ALERT_(BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_\w+|UNSUPPORTED_CERTIFICATE)/.test(code)) {
    return words('the server rejects the client certificate, or requires one', OURS)
  }
  if (/ALERT_HANDSHAKE_FAILURE/.test(code)) {
    return words(
      'the server aborted the handshake: it may require a client certificate or another version of TLS',
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
