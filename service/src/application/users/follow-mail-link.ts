import type { ClientAddress } from '../../domain/device.ts'
import { mailLinkHasExpired } from '../../domain/mail-link.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import type { RefusalBuffer } from '../audit/refusal-buffer.ts'
import { linksFrom } from '../attempt-budgets.ts'
import { ApplicationError } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { MailLinkContent, MailLinkPurpose, MailLinks } from '../ports/mail-links.ts'

export interface FollowMailLinkDeps {
  readonly mailLinks: MailLinks
  readonly attempts: AttemptLimits
  readonly refusals: Pick<RefusalBuffer, 'add'>
  readonly clock: Clock
}

/** A link that somebody follows. */
export interface FollowedLink {
  /** The part of the link after `#token=`. */
  readonly token: string
  readonly address: ClientAddress
}

/**
 * Does what a link from a mail allows. Only links that are not good count as attempts. Throws `link_gone` if the link is not
 * ours, is for another purpose or has expired, and `too_many_attempts`. `act` throws `link_gone` too if it is used up.
 */
export const followMailLink =
  ({ mailLinks, attempts, refusals, clock }: FollowMailLinkDeps) =>
  async <P extends MailLinkPurpose, T>(
    { token, address }: FollowedLink,
    purpose: P,
    act: (content: Extract<MailLinkContent, { purpose: P }>) => Promise<T>,
  ): Promise<T> => {
    const now = clock.now()
    const budgets = linksFrom(address)
    await attempts.take(budgets, now)
    const content = mailLinks.verify(token, purpose)
    const about = { action: 'link.refused', subject: content?.userId } as const
    try {
      const result = await noteRefusal({ refusals })(about, () => {
        if (content === undefined || mailLinkHasExpired(content, now)) throw new ApplicationError('link_gone')
        return act(content)
      })
      await attempts.giveBack(budgets, now)
      return result
    } catch (error) {
      const isGone = error instanceof ApplicationError && error.code === 'link_gone'
      if (!isGone) await attempts.giveBack(budgets, now)
      throw error
    }
  }
