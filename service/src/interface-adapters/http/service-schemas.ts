import { z } from 'zod'

const PUBLIC_KEY = {
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
  kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
  alg: 'EdDSA',
  use: 'sig',
}

export const jwks = z
  .object({ keys: z.array(z.record(z.string(), z.string())).meta({ examples: [[PUBLIC_KEY]] }) })
  .meta({ id: 'JWKS', description: 'A JWK set (RFC 7517).' })

const url = (example: string) => z.string().meta({ examples: [example] })

export const metadata = z
  .object({
    issuer: url('https://auth.example.org').describe('The `iss` of access tokens.'),
    jwks_uri: url('https://auth.example.org/.well-known/jwks.json'),
    service_documentation: url('https://auth.example.org/docs'),
    response_types_supported: z.array(z.string()).meta({ examples: [[]] }),
    grant_types_supported: z.array(z.string()).meta({ examples: [[]] }),
  })
  .meta({
    id: 'AuthorizationServerMetadata',
    description: 'There is no `token_endpoint`, and the lists are empty, because there are no OAuth grants.',
  })

export const health = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    checks: z
      .record(z.string(), z.string())
      .meta({ examples: [{ database: 'ok', signing_key: 'ok', draining: 'no' }] }),
  })
  .meta({ id: 'Health' })

export const liveness = z.object({ status: z.literal('live') }).meta({ id: 'Liveness' })
