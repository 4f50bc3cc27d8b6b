import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Caller } from './caller.ts'
import { checkAccessToken, type CheckAccessTokenDeps } from './check-access-token.ts'

export const authenticateErrors = [
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/** Returns the holder of an access token, and records that the token was used. */
export const authenticate =
  (deps: CheckAccessTokenDeps) =>
  async (accessToken: string): Promise<Caller> => {
    const verdict = await checkAccessToken(deps)(accessToken)
    switch (verdict.kind) {
      case 'valid':
        return verdict.caller
      case 'invalid':
        throw new ApplicationError('invalid_access_token')
      case 'ended':
        throw new ApplicationError('session_ended', { reason: verdict.reason })
    }
  }
