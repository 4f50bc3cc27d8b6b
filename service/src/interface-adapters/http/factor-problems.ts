import type { ErrorCode } from '../../application/errors.ts'
import type { ProblemType } from './problem-type.ts'

/** The errors about second factors, in the order of their status. */
export const factorProblems = {
  invalid_code: {
    status: 401,
    title: 'Invalid code',
    advice:
      'The code is wrong, or it was used before. Wait for the next code of the authenticator and send it with the same challenge, or send a recovery code.',
  },
  second_factor_required: {
    status: 403,
    title: 'Second factor required',
    advice:
      'The password is right, but this account has a second factor, and this way to sign in cannot ask for a code. Sign in with an app or a page that asks for it.',
  },
  factor_not_found: {
    status: 404,
    title: 'Factor not found',
    advice:
      'You have no such factor, or none that waits for its confirmation. Fetch the list with GET /v1/users/me/factors, or begin with POST /v1/users/me/factors/totp.',
  },
  factor_exists: {
    status: 409,
    title: 'Factor exists',
    advice: 'You have an authenticator already. Remove it with DELETE /v1/users/me/factors/totp first.',
  },
  challenge_gone: {
    status: 410,
    title: 'Challenge gone',
    advice:
      'The challenge was used, has expired or is unknown, or the password or the factors changed since. Sign in again with the password.',
  },
} as const satisfies Partial<Record<ErrorCode, ProblemType>>
