import { z } from 'zod'

export const problem = z
  .object({
    type: z.url(),
    title: z.string(),
    status: z.int(),
    detail: z
      .string()
      .meta({ description: 'For users: the problem, and the next step. The text may change.' }),
    code: z.string().meta({ description: 'Stable. Branch on this.' }),
    request_id: z.string().meta({ description: 'Also in the X-Request-Id header and in the log.' }),
    reason: z.string().optional().meta({
      description:
        'With session_ended: why the session ended. With user_disabled: what the operator wrote for the user.',
    }),
    until: z.iso
      .datetime()
      .optional()
      .meta({ description: 'Only with user_disabled: when the user may sign in again.' }),
    factors: z.array(z.string()).optional().meta({
      description: 'Only with reauthentication_required: one of these must be used, not the password.',
    }),
    challenge: z
      .object({ parameters: z.record(z.string(), z.unknown()), signature: z.string() })
      .optional()
      .meta({
        description:
          'Only with too_many_attempts, where an attempt may be bought: a proof of work of ALTCHA, version 2. Send the ' +
          'proof as proof_of_work with the next request.',
      }),
    errors: z
      .array(z.object({ field: z.string(), code: z.string(), message: z.string() }))
      .optional()
      .meta({ description: 'Only with validation_failed: one entry per invalid field.' }),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457).' })

export const problemType = z
  .object({
    code: z.string().meta({ examples: ['session_ended'] }),
    status: z.int().meta({ examples: [401] }),
    title: z.string().meta({ examples: ['Session ended'] }),
    advice: z.string().meta({ examples: ['The session has ended; "reason" says why. Sign in again.'] }),
  })
  .meta({ id: 'ProblemType' })
