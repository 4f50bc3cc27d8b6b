import { Resolver } from 'node:dns/promises'
import { DeliveryFailed } from '../../application/ports/event-consumer.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { MailSettings } from '../settings/mail-settings.ts'
import { failed, ok, warning } from './finding.ts'

/** Less than an operator waits. */
const TIME_LIMIT_MS = 3_000

/** The text records of a name, each in one piece. */
export type ReadTexts = (name: string) => Promise<readonly string[]>

const readFromDns: ReadTexts = async (name) => {
  const resolver = new Resolver({ timeout: TIME_LIMIT_MS, tries: 1 })
  return (await resolver.resolveTxt(name)).map((pieces) => pieces.join(''))
}

/** Whether mail is on, the mail server accepts us, and other servers can tell that the sender is genuine. */
export async function mailFindings(
  mail: MailSettings,
  mailer: Pick<Mailer, 'verify'> | undefined,
  readTexts: ReadTexts = readFromDns,
): Promise<readonly Finding[]> {
  if (mail.kind === 'off' || mailer === undefined) {
    return [
      warning(
        'mail',
        'mail is off: nobody can reset a forgotten password or verify an address',
        'Set SMTP_URL and MAIL_FROM.',
      ),
    ]
  }
  if (mail.kind === 'mailbox') return [ok('mail', 'kept in the dev mailbox, because SMTP_URL is not set')]
  return Promise.all([serverFinding(mailer), senderFinding(mail.from.address, readTexts)])
}

async function serverFinding(mailer: Pick<Mailer, 'verify'>): Promise<Finding> {
  try {
    await mailer.verify()
    return ok('mail', 'the mail server accepts mail from here')
  } catch (error) {
    if (!(error instanceof DeliveryFailed)) throw error
    return failed(
      'mail',
      error.message,
      'Check SMTP_URL, and that the mail server runs and can be reached from here.',
    )
  }
}

/** Mail without SPF or DMARC ends among the spam. The record of DKIM has a name that only the mail server knows. */
async function senderFinding(address: string, readTexts: ReadTexts): Promise<Finding> {
  const domain = address.slice(address.lastIndexOf('@') + 1)
  const [spf, dmarc] = await Promise.all([
    hasRecord(readTexts, domain, 'v=spf1'),
    hasRecord(readTexts, `_dmarc.${domain}`, 'v=DMARC1'),
  ])
  if (typeof spf === 'string') return ok('mail', `not checked whether ${domain} has SPF: DNS gave ${spf}`)
  const missing = [...(spf ? [] : ['SPF']), ...(dmarc === false ? ['DMARC'] : [])]
  if (missing.length === 0) return ok('mail', `${domain}, the domain of MAIL_FROM, has SPF and DMARC`)
  return warning(
    'mail',
    `${domain}, the domain of MAIL_FROM, has no record for ${missing.join(' and ')}: many servers take its mail for spam`,
    'Add the records that your mail provider names (docs/mail.md).',
  )
}

/** Whether a record begins so; the code of the error if DNS gave none. */
async function hasRecord(readTexts: ReadTexts, name: string, start: string): Promise<boolean | string> {
  try {
    return (await readTexts(name)).some((text) => text.startsWith(start))
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException
    return ['ENOTFOUND', 'ENODATA'].includes(code) ? false : code
  }
}
