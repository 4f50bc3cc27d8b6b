import { z } from 'zod'
import { answers } from './answers.ts'
import * as people from './people-schemas.ts'
import type { ProblemCode } from './problem-details.ts'
import * as schemas from './schemas.ts'

// The shapes of the older clients. Where they are those of /v1, they are taken from there.

export const signIn = schemas.signIn.pick({ username: true, password: true }).meta({ id: 'PlatformSignIn' })

export const tokens = schemas.tokens
  .pick({ access_token: true, refresh_token: true })
  .meta({ id: 'PlatformTokens' })

/** Unlike in /v1 it may be empty, which finds nobody: the frontend asks with every letter typed or taken away. */
export const search = z.object({
  username: z
    .string()
    .max(128)
    .meta({ description: 'A part of a username, in any case.', examples: ['ann'] }),
})

export const users = z.array(schemas.publicUser)

export const lookup = z.object({ user_ids: people.lookup.shape.ids }).meta({ id: 'PlatformLookup' })

const problem = schemas.problem
  .extend({
    details: z.record(z.string(), z.string()).meta({
      description: 'What to show, by field. What is about no field is shown where a form can show it.',
    }),
  })
  .meta({ id: 'PlatformProblem', description: 'An error (RFC 9457), with what the older clients read.' })

/** The answers of a route for its schema, with errors in the form of the older clients. */
export const platformAnswers = (
  success: Record<number, z.ZodType>,
  options: { errors?: readonly ProblemCode[]; hasBody?: boolean },
) => answers(success, { ...options, refusal: problem })
