import { createHmac, sign, timingSafeEqual, verify, type KeyObject } from 'node:crypto'
import type { SigningAlgorithm } from '../../domain/signing-key.ts'
import { signEd25519 } from './ed25519.ts'

export type TokenAlgorithm = SigningAlgorithm | 'HS256'

/** A JWS signature (RFC 7515) over `data`. `key` is a private key, or the shared secret of HS256. */
export function signData(algorithm: TokenAlgorithm, key: KeyObject, data: Buffer): Buffer {
  switch (algorithm) {
    case 'EdDSA':
      return signEd25519(key, data)
    case 'ES256':
      return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })
    case 'RS256':
      return sign('sha256', data, key)
    case 'HS256':
      return createHmac('sha256', key).update(data).digest()
  }
}

/** `key` is a public key, or the shared secret of HS256. The algorithm is the caller's choice, never the token's. */
export function verifyData(
  algorithm: TokenAlgorithm,
  key: KeyObject,
  data: Buffer,
  signature: Buffer,
): boolean {
  switch (algorithm) {
    case 'EdDSA':
      return verify(null, data, key, signature)
    case 'ES256':
      return verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'RS256':
      return verify('sha256', data, key, signature)
    case 'HS256': {
      const expected = signData('HS256', key, data)
      return expected.length === signature.length && timingSafeEqual(expected, signature)
    }
  }
}
