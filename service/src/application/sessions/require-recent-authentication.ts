import { hasUsedFactor } from '../../domain/authentication-methods.ts'
import { isAuthenticatedRecently } from '../../domain/session.ts'
import { hasFactor } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Caller } from './caller.ts'

export interface RequireRecentAuthenticationDeps {
  readonly clock: Clock
  /** How long a sign-in, or entering the password again, allows changes that a stolen access token must not make. */
  readonly recentAuthenticationTtlSeconds: number
}

export const requireRecentAuthenticationErrors = [
  'reauthentication_required',
] as const satisfies readonly ErrorCode[]

/**
 * Throws `reauthentication_required` if the user of this session authenticated too long ago, or, if the user has a second
 * factor, without it (RFC 9470).
 */
export const requireRecentAuthentication =
  ({ clock, recentAuthenticationTtlSeconds: maxAgeSeconds }: RequireRecentAuthenticationDeps) =>
  ({ user, session }: Caller): void => {
    const isRecent = isAuthenticatedRecently(session, clock.now(), maxAgeSeconds)
    if (!hasFactor(user)) {
      if (isRecent) return
      throw new ApplicationError('reauthentication_required', { maxAgeSeconds })
    }
    if (isRecent && hasUsedFactor(session.amr)) return
    const detail =
      'This needs a second factor that was used recently. Ask the user for a code, call POST ' +
      '/v1/sessions/current/reauthenticate, and repeat the request with the new token.'
    throw new ApplicationError('reauthentication_required', {
      detail,
      maxAgeSeconds,
      factors: [...user.factors, 'recovery_code'],
    })
  }

/** For changes that have always needed the password: a user with a second factor must have used it recently as well. */
export const requireRecentFactor =
  (deps: RequireRecentAuthenticationDeps) =>
  (caller: Caller): void => {
    if (hasFactor(caller.user)) requireRecentAuthentication(deps)(caller)
  }
