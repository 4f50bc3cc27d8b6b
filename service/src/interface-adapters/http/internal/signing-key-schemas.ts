import { z } from 'zod'
import { KEY_STATES, SIGNING_ALGORITHMS } from '../../../domain/signing-key.ts'

export const TOKEN_ALGORITHMS = [...SIGNING_ALGORITHMS, 'HS256'] as const

const time = z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] })

const signingKey = z
  .object({
    kid: z.string().meta({
      description: 'The thumbprint of the key (RFC 7638).',
      examples: ['kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k'],
    }),
    algorithm: z.enum(SIGNING_ALGORITHMS),
    state: z.enum(KEY_STATES).meta({
      description:
        '`coming`: published, but does not sign yet. `signing`: signs new tokens. `published`: only verifies tokens.',
    }),
    usable: z.boolean().meta({
      description:
        'False if the key was encrypted under an AUTH_SECRET that this instance does not have. Such a key never signs.',
      examples: [true],
    }),
    signs_from: time,
    signs_until: time,
    published_until: time,
  })
  .meta({ id: 'SigningKey' })

export const signingKeyList = z
  .object({
    algorithm: z.enum(TOKEN_ALGORITHMS).meta({ description: 'The setting TOKEN_ALGORITHM.' }),
    items: z.array(signingKey),
  })
  .meta({ id: 'SigningKeyList' })
