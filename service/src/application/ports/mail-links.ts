import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'

/** The action that a link in a mail allows, for whom and until when. */
export type MailLinkContent = { readonly userId: UserId; readonly expiresAt: Date } & (
  | {
      readonly purpose: 'reset_password'
      /** The link is good while this is the user's, so every change of the password ends it. */
      readonly passwordVersion: number
    }
  | {
      readonly purpose: 'verify_email'
      /** The link is good while this is the user's, so every change of the address ends it. */
      readonly emailVersion: number
    }
  | {
      readonly purpose: 'undo_email_change'
      /** The version that the change began. */
      readonly emailVersion: number
    }
  | { readonly purpose: 'end_session'; readonly sessionId: SessionId }
)

export type MailLinkPurpose = MailLinkContent['purpose']

/** Strings that carry their content with a MAC that only this service can make. No I/O: nothing is stored. */
export interface MailLinks {
  /** Whole seconds of `expiresAt` are kept. */
  issue(content: MailLinkContent): string

  /**
   * The content of a string with a valid MAC, in its one spelling. Undefined if it is not ours, malformed, or of another
   * purpose. Whether it has expired is for the caller to check.
   */
  verify<P extends MailLinkPurpose>(
    token: string,
    purpose: P,
  ): Extract<MailLinkContent, { purpose: P }> | undefined
}
