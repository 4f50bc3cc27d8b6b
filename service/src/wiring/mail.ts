import { DevMailbox } from '../infrastructure/mail/dev-mailbox.ts'
import { MailTemplates } from '../infrastructure/mail/mail-templates.ts'
import type { Mailer } from '../infrastructure/mail/mailer.ts'
import type { Config } from '../infrastructure/settings/config.ts'
import type { Mailbox } from '../interface-adapters/http/internal/mailbox.ts'

export interface OpenMail {
  readonly mailer: Mailer
  readonly templates: MailTemplates
  /** Undefined with a mail server. */
  readonly mailbox: Mailbox | undefined
}

/** Undefined if the settings send no mail. Throws a SettingsError if a template of the operator cannot work. */
export async function openMail(config: Config): Promise<OpenMail | undefined> {
  const { mail } = config
  if (mail.kind === 'off') return undefined
  const templates = await MailTemplates.load({ ...config, templates: mail.templates })
  if (mail.kind === 'smtp') {
    // Loaded only if it is used: a start without a mail server does not pay for it.
    const { SmtpMailer } = await import('../infrastructure/mail/smtp-mailer.ts')
    return { mailer: new SmtpMailer(mail.server, mail.from), templates, mailbox: undefined }
  }
  const mailbox = new DevMailbox()
  return { mailer: mailbox, templates, mailbox }
}
