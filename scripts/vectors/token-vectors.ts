import { claims, order, times, types } from './claim-vectors.ts'
import { malformed } from './malformed-token-vectors.ts'
import { signatures, validEcdsa } from './signature-byte-vectors.ts'
import { algorithms, tampered } from './signature-vectors.ts'
import { audience, issuer, jwkOf, nowSeconds, sharedSecret, type Json } from './signing.ts'
import { asymmetric } from './token-case.ts'
import { validTokens } from './valid-token-vectors.ts'

export const tokenVectors = (): Json => ({
  about: 'One token each, for a verifier that is fresh and knows of no ended session.',
  now: nowSeconds * 1000,
  verifiers: {
    keys: { issuer, audience, jwks: { keys: asymmetric.map(jwkOf) } },
    secret: { issuer, audience, shared_secret: sharedSecret },
    'no audience': { issuer, jwks: { keys: [jwkOf('ed')] } },
  },
  cases: [
    ...validTokens(),
    ...validEcdsa(),
    ...malformed(),
    ...algorithms(),
    ...signatures(),
    ...tampered(),
    ...types(),
    ...claims(),
    ...times(),
    ...order(),
  ],
})
