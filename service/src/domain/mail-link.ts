import { EMAIL_UNDO_SECONDS } from './email-change.ts'
import { CLOCKS_APART_SECONDS, secondsAfter } from './session.ts'

/** How long the links in mails are good, by what they allow. */
export const MAIL_LINK_SECONDS = {
  reset_password: 3600,
  verify_email: 24 * 3600,
  undo_email_change: EMAIL_UNDO_SECONDS,
  end_session: 7 * 24 * 3600,
} as const

interface DatedLink {
  readonly purpose: keyof typeof MAIL_LINK_SECONDS
  readonly expiresAt: Date
}

/** A link that would be good for longer than any was issued by a clock that was ahead. It has expired as well. */
export const mailLinkHasExpired = ({ purpose, expiresAt }: DatedLink, now: Date): boolean =>
  expiresAt <= now || expiresAt > secondsAfter(now, MAIL_LINK_SECONDS[purpose] + CLOCKS_APART_SECONDS)
