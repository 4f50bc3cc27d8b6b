import { describe, expect, test } from 'vitest'
import { DeliveryFailed } from '../../../src/application/ports/event-consumer.ts'
import { mailFindings } from '../../../src/infrastructure/doctor/mail-findings.ts'
import type { MailSettings } from '../../../src/infrastructure/settings/mail-settings.ts'

const from = { name: 'Chat', address: 'no-reply@chat.example.org' }
const smtp: MailSettings = {
  kind: 'smtp',
  server: { host: 'mail.example.org', port: 465, login: undefined, tls: 'implicit' },
  from,
  templates: undefined,
}
const well = { verify: () => Promise.resolve() }
const spf = { 'chat.example.org': ['other', 'v=spf1 -all'] }
const dmarc = { '_dmarc.chat.example.org': ['v=DMARC1; p=none'] }

/** DNS with these records. */
const dns = (records: Record<string, readonly string[]>) => (name: string) =>
  records[name] === undefined
    ? Promise.reject(Object.assign(new Error('no record'), { code: 'ENOTFOUND' }))
    : Promise.resolve(records[name])

describe('what the doctor finds about mail', () => {
  test('mail that is off is a warning, and the dev mailbox is fine', async () => {
    expect(await mailFindings({ kind: 'off' }, undefined)).toEqual([
      {
        check: 'mail',
        status: 'warning',
        detail: 'mail is off: nobody can reset a forgotten password or verify an address',
        advice: 'Set SMTP_URL and MAIL_FROM.',
      },
    ])
    const mailbox = await mailFindings({ kind: 'mailbox', from, templates: undefined }, well)
    expect(mailbox.map(({ status }) => status)).toEqual(['ok'])
  })

  test('a mail server that accepts us, with the records of the sender, is fine', async () => {
    expect(await mailFindings(smtp, well, dns({ ...spf, ...dmarc }))).toEqual([
      { check: 'mail', status: 'ok', detail: 'the mail server accepts mail from here' },
      {
        check: 'mail',
        status: 'ok',
        detail: 'chat.example.org, the domain of MAIL_FROM, has SPF and DMARC',
      },
    ])
  })

  test('a mail server that refuses the login is a failure, with its reply code', async () => {
    const verify = () =>
      Promise.reject(new DeliveryFailed('the mail server responded with 535 5.7.8 to the login'))
    const [server] = await mailFindings(smtp, { verify }, dns({ ...spf, ...dmarc }))
    expect(server).toMatchObject({
      status: 'failed',
      detail: 'the mail server responded with 535 5.7.8 to the login',
    })
  })

  test.each([
    ['SPF and DMARC', {}],
    ['SPF', dmarc],
    ['DMARC', spf],
  ])('a sender without a record for %s is a warning', async (missing, records) => {
    const [, sender] = await mailFindings(smtp, well, dns(records))
    expect(sender).toMatchObject({ status: 'warning' })
    expect(sender?.detail).toContain(`has no record for ${missing}:`)
  })

  test('a machine without DNS does not fail the check', async () => {
    const refused = () => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))
    const [, sender] = await mailFindings(smtp, well, refused)
    expect(sender).toMatchObject({ status: 'ok' })
    expect(sender?.detail).toContain('DNS gave ECONNREFUSED')
  })
})
