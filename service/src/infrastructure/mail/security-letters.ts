import type { ChangedFactor } from '../../domain/event.ts'
import { MAIL_LINK_SECONDS } from '../../domain/mail-link.ts'
import { isLive, parseSessionId, secondsAfter, type Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import {
  accountValues,
  linkFor,
  notice,
  type Letter,
  type LettersDeps,
  type Occasion,
  type OccasionOf,
} from './letter.ts'
import { unlinked } from './shown-text.ts'

/** Also to one of several users with an unverified address: reading the mail is what proves who owns it. */
export const resetPassword =
  (deps: LettersDeps) =>
  ({ event, user, now }: OccasionOf<'user.password_reset_requested'>): Letter | undefined => {
    const { id: userId, email, username, passwordVersion } = user
    if (email === undefined || passwordVersion !== event.data.password_version) return undefined
    const expiresAt = secondsAfter(now, MAIL_LINK_SECONDS.reset_password)
    const link = linkFor(deps, { purpose: 'reset_password', userId, passwordVersion, expiresAt })
    return { ...deps.templates.render('reset-password', { username: username.text, link }), to: email.text }
  }

export const passwordChanged = (deps: LettersDeps) => (occasion: Occasion) =>
  notice(deps, occasion.user, () => deps.templates.render('password-changed', accountValues(occasion)))

const FACTOR_NAMES: Readonly<Record<ChangedFactor, string>> = {
  totp: 'an authenticator app',
  recovery_codes: 'a new set of recovery codes',
}

const factorValues = (occasion: OccasionOf<'user.factor_added' | 'user.factor_removed'>) => ({
  ...accountValues(occasion),
  factor: FACTOR_NAMES[occasion.event.data.factor],
})

export const factorAdded = (deps: LettersDeps) => (occasion: OccasionOf<'user.factor_added'>) =>
  notice(deps, occasion.user, () => deps.templates.render('factor-added', factorValues(occasion)))

export const factorRemoved = (deps: LettersDeps) => (occasion: OccasionOf<'user.factor_removed'>) =>
  notice(deps, occasion.user, () => deps.templates.render('factor-removed', factorValues(occasion)))

export const newSignIn =
  (deps: LettersDeps) =>
  async (occasion: OccasionOf<'session.created'>): Promise<Letter | undefined> => {
    const { event, user, now } = occasion
    const session = await findSession(deps, user, event.data.session_id)
    if (session === undefined || !isLive(session, now)) return undefined
    const { id: sessionId, device, userId } = session
    const expiresAt = secondsAfter(now, MAIL_LINK_SECONDS.end_session)
    const link = linkFor(deps, { purpose: 'end_session', userId, sessionId, expiresAt })
    const values = {
      ...accountValues(occasion),
      device: unlinked(device.name),
      address: device.address,
      link,
    }
    return notice(deps, user, () => deps.templates.render('new-sign-in', values))
  }

export const deviceSignedOut =
  (deps: LettersDeps) =>
  async (occasion: OccasionOf<'session.refresh_token_reused'>): Promise<Letter | undefined> => {
    const session = await findSession(deps, occasion.user, occasion.event.data.session_id)
    if (session === undefined) return undefined
    const values = { ...accountValues(occasion), device: unlinked(session.device.name) }
    return notice(deps, occasion.user, () => deps.templates.render('device-signed-out', values))
  }

async function findSession({ sessions }: LettersDeps, user: User, id: string): Promise<Session | undefined> {
  const sessionId = parseSessionId(id)
  return sessionId && (await sessions.find(user.id, sessionId))?.session
}
