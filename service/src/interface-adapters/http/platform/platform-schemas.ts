import { z } from 'zod'
import { lookupIds } from '../lookup-schemas.ts'
import * as problemSchemas from '../problem-schemas.ts'
import type { ProblemCode } from '../problem-types.ts'
import { responses } from '../responses.ts'
import * as sessionSchemas from '../session-schemas.ts'
import { publicUser } from '../user-schemas.ts'

// The bodies that older clients expect, taken from those of /v1 where they are the same.

export const signIn = sessionSchemas.signIn
  .pick({ username: true, password: true })
  .meta({ id: 'PlatformSignIn' })

export const tokens = sessionSchemas.tokens
  .pick({ access_token: true, refresh_token: true })
  .meta({ id: 'PlatformTokens' })

/** Unlike in /v1, any text is accepted and finds no users if it is empty or too long: the frontend searches on every key press. */
export const search = z.object({
  username: z.string().meta({ description: 'Part of a username, in any case.', examples: ['ann'] }),
})

export const users = z.array(publicUser)

export const lookup = z.object({ user_ids: lookupIds }).meta({ id: 'PlatformLookup' })

const problem = problemSchemas.problem
  .extend({
    details: z.record(z.string(), z.string()).meta({
      description: 'The messages to show, by form field.',
    }),
  })
  .meta({
    id: 'PlatformProblem',
    description: 'An error (RFC 9457) with the `details` that older clients read.',
  })

/** The responses of a route, for its schema, with errors as older clients expect them. */
export const platformResponses = (
  success: Record<number, z.ZodType>,
  options: { errors?: readonly ProblemCode[]; hasBody?: boolean },
) => responses(success, { ...options, problemSchema: problem })
