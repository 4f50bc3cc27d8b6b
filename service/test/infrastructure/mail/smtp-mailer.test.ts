import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DeliveryFailed } from '../../../src/application/ports/event-consumer.ts'
import { CLAIM_SECONDS } from '../../../src/domain/delivery.ts'
import type { Mail } from '../../../src/infrastructure/mail/mailer.ts'
import { SMTP_TIMES, SmtpMailer } from '../../../src/infrastructure/mail/smtp-mailer.ts'
import type { SmtpServer } from '../../../src/infrastructure/settings/mail-settings.ts'
import { at } from '../../support/builders.ts'
import { MailServer } from '../../support/mail-server.ts'

const from = { name: 'Chat, the "one"', address: 'no-reply@chat.example.org' }
const quick = { stepMs: 300, attemptMs: 1_000 }

let server: MailServer
let mailer: SmtpMailer
beforeEach(async () => {
  server = await MailServer.start()
  mailer = mailerTo(server)
})
afterEach(async () => {
  mailer.close()
  await server.down()
})

/** Where a server has to hang, the times are short; everywhere else they are those of production. */
const mailerTo = ({ port }: MailServer, changes: Partial<SmtpServer> = {}, times = SMTP_TIMES): SmtpMailer =>
  new SmtpMailer({ host: '127.0.0.1', port, login: undefined, tls: 'offered', ...changes }, from, times)

const aMail = (changes: Partial<Mail> = {}): Mail => ({
  id: '019a0000-0000-7000-8000-000000000001',
  to: 'anna@example.org',
  subject: 'Reset your password',
  text: 'Zoë, this is the text:\n\nhttps://auth.example.org/reset#token=abc\n',
  html: '<p>Zoë, this is the <b>page</b></p>',
  sentAt: at(0),
  ...changes,
})

async function failureOf(work: Promise<unknown>): Promise<DeliveryFailed> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  )
  if (!(error instanceof DeliveryFailed)) throw new Error(`it did not fail as expected: ${String(error)}`)
  return error
}

describe('a mail', () => {
  test('a mail arrives with text, page, sender and time, and as an automatic one', async () => {
    await mailer.send(aMail())
    const [{ mail, ...envelope } = { mail: undefined }] = server.received
    expect(envelope).toMatchObject({ from: from.address, to: ['anna@example.org'] })
    expect(mail).toMatchObject({
      subject: 'Reset your password',
      from,
      to: [{ address: 'anna@example.org' }],
      date: at(0).toISOString(),
      messageId: '<019a0000-0000-7000-8000-000000000001@chat.example.org>',
    })
    expect(mail?.text?.trim()).toBe(aMail().text.trim())
    expect(mail?.html?.trim()).toBe(aMail().html)
    expect(mail?.attachments).toEqual([])
    const headers = new Map(mail?.headers.map(({ key, value }) => [key, value]))
    expect(headers.get('auto-submitted')).toBe('auto-generated')
    expect(headers.get('content-type')).toMatch(/^multipart\/alternative/)
  })

  test('mails that follow each other share a connection', async () => {
    let greetings = 0
    server.refuse = (step) => {
      if (step === 'greeting') greetings += 1
      return undefined
    }
    for (const id of ['1', '2', '3']) await mailer.send(aMail({ id }))
    expect(server.received).toHaveLength(3)
    expect(greetings).toBe(1)
  })

  test.each([
    'Hello\r\nBcc: victim@example.org',
    'Hello\nContent-Type: text/html\n\n<b>',
    'Hello\u2028Bcc: victim@example.org',
    '=?utf-8?q?Hello=0D=0ABcc:_victim@example.org?=',
  ])('a subject cannot add a header or a recipient: %j', { tags: ['MAIL-3'] }, async (subject) => {
    await mailer.send(aMail())
    await mailer.send(aMail({ subject }))
    const [plain, odd] = server.received.map(({ mail }) => mail.headers.map(({ key }) => key))
    expect(odd).toEqual(plain)
    expect(server.received.map(({ to }) => to)).toEqual([['anna@example.org'], ['anna@example.org']])
  })

  test.each([
    'anna@example.org\r\nRCPT TO:<victim@example.org>',
    'anna@example.org, victim@example.org',
    '<anna@example.org> victim@example.org',
    'victim@example.org> <anna@example.org',
  ])('a malformed address reaches nobody: %j', { tags: ['MAIL-3'] }, async (to) => {
    const failure = await failureOf(mailer.send(aMail({ to })))
    expect(failure).toMatchObject({ message: 'the address is malformed', isPermanent: true })
    expect(server.attempts).toEqual([])
  })

  test('a mail cannot pull in files or pages', async () => {
    const path = import.meta.filename
    await failureOf(mailer.send(aMail({ html: { path } as unknown as string })))
    await failureOf(mailer.send(aMail({ text: { href: server.url } as unknown as string })))
    expect(server.received).toEqual([])
  })
})

describe('a mail server that refuses', () => {
  test.each([
    ['recipient', '450 4.1.2 domain not found', true],
    ['recipient', '450 try again later', true],
    ['recipient', '550 5.1.1 no such user', true],
    ['recipient', '451 4.3.0 later', false],
    ['recipient', '451 later', false],
    ['recipient', '454 4.7.1 relay access denied', false],
    ['sender', '450 4.1.8 domain not found', false],
  ])('the %s refused with "%s": only this mail is refused: %s', async (refused, reply, isOfThisEvent) => {
    server.refuse = (step) => (step === refused ? reply : undefined)
    expect((await failureOf(mailer.send(aMail()))).isOfThisEvent).toBe(isOfThisEvent)
  })

  test.each([
    ['recipient', '550 5.1.1 no such user anna', true, '550 5.1.1 to the recipient'],
    ['recipient', '550 no such user anna', true, '550 to the recipient'],
    ['recipient', '552 5.2.2 mailbox full', true, '552 5.2.2 to the recipient'],
    ['mail', '550 5.1.1 no such user', true, '550 5.1.1 to the mail'],
    ['recipient', '450 4.2.0 greylisted', false, '450 4.2.0 to the recipient'],
    ['recipient', '554 5.7.1 relay access denied', false, '554 5.7.1 to the recipient'],
    ['recipient', '554 no', false, '554 to the recipient'],
    ['recipient', '530 5.7.0 log in first', false, '530 5.7.0 to the recipient'],
    ['sender', '550 5.1.8 sender unknown', false, '550 5.1.8 to the sender'],
    ['mail', '451 4.3.0 later', false, '451 4.3.0 to the mail'],
    ['mail', '550 5.7.26 not authenticated', false, '550 5.7.26 to the mail'],
    ['mail', '554 looks like spam', false, '554 to the mail'],
    ['greeting', '554 5.7.1 blocked', false, '554 5.7.1 to the connection'],
  ])('the %s refused with "%s": permanent is %s', async (refused, reply, isPermanent, words) => {
    server.refuse = (step) => (step === refused ? reply : undefined)
    const failure = await failureOf(mailer.send(aMail()))
    expect(failure.isPermanent).toBe(isPermanent)
    expect(failure.message).toBe(`the mail server responded with ${words}`)
  })

  test(
    'a wrong login is not the fault of the recipient, and no password is shown',
    { tags: ['MAIL-10'] },
    async () => {
      server.refuse = (step, subject) =>
        step === 'login' && subject !== 'me right' ? '535 5.7.8 wrong: hidden' : undefined
      const login = { user: 'me', password: 'hidden' }
      const wrong = mailerTo(server, { login })
      for (const work of [() => wrong.send(aMail()), () => wrong.verify()]) {
        const failure = await failureOf(work())
        expect(failure.isPermanent).toBe(false)
        expect(failure.message).toBe('the mail server responded with 535 5.7.8 to the login')
        expect(JSON.stringify([failure.message, failure.cause])).not.toContain('hidden')
      }
      const right = mailerTo(server, { login: { user: 'me', password: 'right' } })
      await right.verify()
      await right.send(aMail())
      expect(server.received).toHaveLength(1)
      for (const each of [wrong, right]) each.close()
    },
  )

  test('a server that offers no login gets no mail if there is one in the settings', async () => {
    const other = await MailServer.start({ disabledCommands: ['STARTTLS', 'AUTH'] })
    const strict = mailerTo(other, { login: { user: 'me', password: 'hidden' } })
    const failure = await failureOf(strict.send(aMail()))
    expect(failure.message).toMatch(/^the mail server /)
    expect(other.received).toEqual([])
    strict.close()
    await other.down()
  })
})

describe('a mail server that hangs or is down', () => {
  test.each(['greeting', 'login', 'sender', 'recipient', 'mail'])(
    'a server that hangs at the %s ends the attempt',
    async (hanging) => {
      server.refuse = (step) => (step === hanging ? 'hang' : undefined)
      const hasty = mailerTo(server, { login: { user: 'me', password: 'right' } }, quick)
      const failure = await failureOf(hasty.send(aMail()))
      expect(failure.isPermanent).toBe(false)
      expect(failure.message).toBe('the mail server cannot be used: it did not respond in time')
      server.refuse = () => undefined
      await hasty.send(aMail())
      expect(server.received).toHaveLength(1)
      hasty.close()
    },
  )

  test('the attempt ends if the server is slow at every step', async () => {
    const hasty = mailerTo(server, {}, { stepMs: 60_000, attemptMs: 300 })
    server.refuse = () => 'hang'
    expect((await failureOf(hasty.send(aMail()))).message).toBe(
      'the mail server did not finish within 0.3 seconds',
    )
    expect((await failureOf(hasty.verify())).message).toBe(
      'the mail server did not finish within 0.3 seconds',
    )
    hasty.close()
  })

  test('closing ends an attempt in flight, so that a hanging server delays no shutdown', async () => {
    const closed = mailerTo(server)
    const reached = server.called()
    server.refuse = (step) => (step === 'recipient' ? 'hang' : undefined)
    const failure = failureOf(closed.send(aMail()))
    await reached
    closed.close()
    expect((await failure).message).toBe('the service stopped while it was sent')
    expect((await failureOf(closed.send(aMail()))).isPermanent).toBe(false)
  })

  test('an attempt ends well before the lease of its delivery', () => {
    expect(SMTP_TIMES.attemptMs).toBeLessThanOrEqual((CLAIM_SECONDS * 1_000 * 3) / 4)
  })

  test('a server that is down is a failed delivery, and mail goes on when it is up', async () => {
    await mailer.send(aMail({ id: '1' }))
    await server.down()
    for (const work of [() => mailer.send(aMail()), () => mailer.verify()]) {
      const failure = await failureOf(work())
      expect(failure.isPermanent).toBe(false)
      expect(failure.message).toMatch(/^the mail server cannot be used: /)
    }
    await server.up()
    await mailer.send(aMail({ id: '2' }))
    expect(server.received.map(({ mail }) => mail.messageId?.[1])).toEqual(['1', '2'])
  })
})

describe('TLS to the mail server', () => {
  test(
    'STARTTLS is used if a private server offers it, with any certificate',
    { tags: ['MAIL-2'] },
    async () => {
      const other = await MailServer.start({ disabledCommands: [] })
      const open = mailerTo(other)
      await open.send(aMail())
      expect(other.received[0]?.isEncrypted).toBe(true)
      open.close()
      await other.down()
    },
  )

  test('a server on the internet gets no mail without TLS', { tags: ['MAIL-2'] }, async () => {
    const strict = mailerTo(server, { tls: 'required' })
    await failureOf(strict.send(aMail()))
    expect(server.attempts).toEqual([])
    strict.close()
  })

  test.each(['required', 'implicit'] as const)(
    'a server with an unknown certificate gets no mail if TLS is %s',
    { tags: ['MAIL-2'] },
    async (tls) => {
      const other = await MailServer.start({ disabledCommands: [], secure: tls === 'implicit' })
      const strict = mailerTo(other, { tls })
      const failure = await failureOf(strict.send(aMail()))
      expect(failure.message).toMatch(/^the mail server cannot be used: /)
      expect(other.attempts).toEqual([])
      strict.close()
      await other.down()
    },
  )
})
