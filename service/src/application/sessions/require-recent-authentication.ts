import { isAuthenticatedRecently } from '../../domain/session.ts'
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

/** Throws `reauthentication_required` if the user of this session entered the password too long ago (RFC 9470). */
export const requireRecentAuthentication =
  ({ clock, recentAuthenticationTtlSeconds: maxAgeSeconds }: RequireRecentAuthenticationDeps) =>
  ({ session }: Caller): void => {
    if (isAuthenticatedRecently(session, clock.now(), maxAgeSeconds)) return
    throw new ApplicationError('reauthentication_required', { maxAgeSeconds })
  }
