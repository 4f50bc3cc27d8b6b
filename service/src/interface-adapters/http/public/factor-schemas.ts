import { z } from 'zod'
import { RECOVERY_CODES } from '../../../domain/recovery-code.ts'
import { FACTOR_KINDS } from '../../../domain/second-factor.ts'
import { code, tokens } from '../session-schemas.ts'

const SECRET = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'

export const factors = z
  .object({
    items: z.array(
      z.object({
        kind: z.enum(FACTOR_KINDS),
        added_at: z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] }),
      }),
    ),
    recovery_codes_left: z.int().meta({
      description: 'Recovery codes that were not used. Offer new ones when few are left.',
      examples: [10],
    }),
  })
  .meta({ id: 'Factors' })

export const newTotp = z
  .object({
    secret: z
      .string()
      .meta({ description: 'To be typed into the authenticator: Base32.', examples: [SECRET] }),
    uri: z.string().meta({
      description: 'For a link on the phone itself.',
      examples: [`otpauth://totp/chat-auth:ann_example?issuer=chat-auth&secret=${SECRET}`],
    }),
    qr: z.string().meta({
      description: 'The URI as a QR code, an SVG picture. Show it as the source of an image.',
      examples: [
        'data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjwvc3ZnPg==',
      ],
    }),
  })
  .meta({ id: 'NewTotp', description: 'Shown once. Keep none of it.' })

export const confirmation = z.object({ code }).meta({ id: 'TotpConfirmation' })

export const changedFactors = tokens
  .extend({
    other_sessions: z.int().meta({
      description: 'Other live sessions. Offer to end them with DELETE /v1/sessions?keep=current.',
      examples: [2],
    }),
    recovery_codes: z
      .array(z.string())
      .optional()
      .meta({
        description: `New recovery codes, ${RECOVERY_CODES} of them. Each works once. Shown only here.`,
        examples: [['7K3M-QX9T-BD2H-W8NP-5RVE-04CJ']],
      }),
  })
  .meta({ id: 'ChangedFactors', description: 'New tokens. The earlier ones of this session are refused.' })
