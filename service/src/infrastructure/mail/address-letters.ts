import { verificationMailsTo } from '../../application/attempt-budgets.ts'
import { MAIL_LINK_SECONDS } from '../../domain/mail-link.ts'
import { secondsAfter } from '../../domain/session.ts'
import { isDisabled } from '../../domain/user.ts'
import {
  accountValues,
  linkFor,
  notice,
  readableTime,
  type Letter,
  type LettersDeps,
  type Occasion,
  type OccasionOf,
} from './letter.ts'
import { unlinked } from './shown-text.ts'

/** To the present address. If another user has verified it, they learn of it instead, without a link. */
export const verifyAddress =
  (deps: LettersDeps) =>
  async ({ user, now }: Occasion): Promise<Letter | undefined> => {
    const { id: userId, email, emailVersion, emailVerified } = user
    if (email === undefined || emailVerified) return undefined
    const budget = verificationMailsTo(email.key)
    const owner = await deps.users.findByEmail(email.key)
    if (owner?.emailVerified === true) {
      if (isDisabled(owner, now)) return undefined
      const used = deps.templates.render('address-in-use', { username: owner.username.text })
      return { ...used, to: (owner.email ?? email).text, budget }
    }
    const expiresAt = secondsAfter(now, MAIL_LINK_SECONDS.verify_email)
    const link = linkFor(deps, { purpose: 'verify_email', userId, emailVersion, expiresAt })
    // A stranger may have signed up with the reader's address. The reader must see whose account the link gives it to.
    const values = { username: unlinked(user.username.text), link }
    return { ...deps.templates.render('verify-email', values), to: email.text, budget }
  }

/** A later address has events of its own. */
export const verifyFirstAddress = (deps: LettersDeps) => (occasion: Occasion) =>
  occasion.user.emailVersion === 1 ? verifyAddress(deps)(occasion) : undefined

export const verifyAddressAgain =
  (deps: LettersDeps) => (occasion: OccasionOf<'user.email_verification_requested'>) =>
    occasion.user.emailVersion === occasion.event.data.email_version
      ? verifyAddress(deps)(occasion)
      : undefined

/** To the address before, if the user had verified it. The link lives as long as the change is kept. */
export const addressChanged =
  (deps: LettersDeps) =>
  async (occasion: OccasionOf<'user.email_changed'>): Promise<Letter | undefined> => {
    const { id: userId } = occasion.user
    const emailVersion = occasion.event.data.email_version
    const change = await deps.emailChanges.find(userId, emailVersion)
    if (change?.previousWasVerified !== true) return undefined
    const expiresAt = secondsAfter(change.changedAt, MAIL_LINK_SECONDS.undo_email_change)
    if (expiresAt <= occasion.now) return undefined
    const link = linkFor(deps, { purpose: 'undo_email_change', userId, emailVersion, expiresAt })
    const values = { ...accountValues(occasion), until: readableTime(expiresAt), link }
    return { ...deps.templates.render('email-changed', values), to: change.previous.text }
  }

export const addressRestored = (deps: LettersDeps) => (occasion: Occasion) =>
  notice(deps, occasion.user, () => deps.templates.render('email-change-undone', accountValues(occasion)))
