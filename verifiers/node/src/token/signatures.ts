import { createHmac, timingSafeEqual, verify, type KeyObject } from 'node:crypto'

export type TokenAlgorithm = 'EdDSA' | 'ES256' | 'RS256' | 'HS256'

/** A key and the only algorithm it is used with (RFC 8725, section 3.1). */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: TokenAlgorithm
  readonly verifies: (data: Uint8Array, signature: Uint8Array) => boolean
}

/** `key` is a public key, or the secret of HS256, and must fit the algorithm (RFC 7518, section 3; RFC 8037). */
export function createVerificationKey(
  kid: string,
  algorithm: TokenAlgorithm,
  key: KeyObject,
): VerificationKey {
  return { kid, algorithm, verifies: verifierOf(algorithm, key) }
}

function verifierOf(algorithm: TokenAlgorithm, key: KeyObject): VerificationKey['verifies'] {
  switch (algorithm) {
    case 'EdDSA':
      return (data, signature) => signature.length === 64 && verify(null, data, key, signature)
    case 'ES256': {
      const options = { key, dsaEncoding: 'ieee-p1363' } as const
      return (data, signature) => signature.length === 64 && verify('sha256', data, options, signature)
    }
    case 'RS256':
      return (data, signature) => verify('sha256', data, key, signature)
    case 'HS256':
      return (data, signature) => {
        const expected = createHmac('sha256', key).update(data).digest()
        return signature.length === expected.length && timingSafeEqual(expected, signature)
      }
  }
}
