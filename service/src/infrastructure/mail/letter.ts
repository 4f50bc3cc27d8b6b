import type { AttemptBudget } from '../../application/ports/attempt-limits.ts'
import type { StoredEvent } from '../../application/ports/deliveries.ts'
import type { EmailChanges } from '../../application/ports/email-changes.ts'
import type { MailLinkContent, MailLinks } from '../../application/ports/mail-links.ts'
import type { Sessions } from '../../application/ports/sessions.ts'
import type { Users } from '../../application/ports/users.ts'
import type { User } from '../../domain/user.ts'
import type { MailTemplates, RenderedMail } from './mail-templates.ts'

export interface Letter extends RenderedMail {
  readonly to: string
  /** Bounds the mails to an address that somebody typed, who need not be its owner. */
  readonly budget?: AttemptBudget
}

export interface LettersDeps {
  readonly users: Pick<Users, 'findByEmail'>
  readonly sessions: Pick<Sessions, 'find'>
  readonly emailChanges: Pick<EmailChanges, 'find'>
  readonly links: Pick<MailLinks, 'issue'>
  readonly templates: Pick<MailTemplates, 'render'>
  readonly publicUrl: string
}

/** An event, and its user as they are now: neither disabled nor deleted. */
export interface Occasion<Event extends StoredEvent = StoredEvent> {
  readonly event: Event
  readonly user: User
  readonly now: Date
}

export type OccasionOf<Type extends StoredEvent['type']> = Occasion<Extract<StoredEvent, { type: Type }>>

/** The page of each kind of link. The token is in the fragment, which browsers keep out of requests and logs. */
const PAGES = {
  reset_password: 'reset',
  verify_email: 'verify-email',
  undo_email_change: 'undo-email-change',
  end_session: 'end-session',
} as const satisfies Record<MailLinkContent['purpose'], string>

export const linkFor = ({ links, publicUrl }: LettersDeps, content: MailLinkContent): string =>
  `${publicUrl}/${PAGES[content.purpose]}#token=${links.issue(content)}`

/** Only to the owner of the address: another holder of an unverified one has perhaps never had access to it. */
export async function notice(
  { users }: LettersDeps,
  { id, email }: User,
  render: () => RenderedMail,
): Promise<Letter | undefined> {
  if (email === undefined || (await users.findByEmail(email.key))?.id !== id) return undefined
  return { ...render(), to: email.text }
}

/** The values of a mail about something that happened to the account. */
export const accountValues = ({ event, user }: Occasion) => ({
  username: user.username.text,
  time: readableTime(event.occurredAt),
})

const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' })
const TIME = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short', timeZone: 'UTC' })

export const readableTime = (at: Date): string => `${DATE.format(at)}, ${TIME.format(at)} UTC`
