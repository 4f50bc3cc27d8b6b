// The service sends mail through a real SMTP server that refuses, hangs, or is down.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { MailServer } from '../../support/mail-server.ts'
import { newUser, type TestUser } from '../../support/test-client.ts'
import { startTestService, type TestService } from '../../support/test-service.ts'

interface Listed {
  readonly consumer: string
  readonly attempts: number
  readonly last_error: string | null
  readonly event: { readonly user_id: number; readonly type: string }
}

let mails: MailServer
let service: TestService
beforeAll(async () => {
  mails = await MailServer.start()
  const url = `smtp://service:right%20password@127.0.0.1:${mails.port}`
  service = await startTestService('PostgreSQL', {
    SMTP_URL: url,
    MAIL_FROM: 'Chat <no-reply@chat.example.org>',
  })
})
afterAll(async () => {
  await service.stop()
  await mails.down()
})
afterEach(() => {
  mails.refuse = () => undefined
})

const signedUp = async (): Promise<TestUser> => service.client().register(newUser())
const settled = () => service.service.outbox.settle()
const deliveries = async (state: 'waiting' | 'dead'): Promise<readonly Listed[]> => {
  const { body } = await service.operator().get(`/v1/outbox?state=${state}&consumer=mail`)
  return (body as { items: Listed[] }).items
}
const subjectsTo = ({ email }: TestUser) => mails.to(email).map(({ subject }) => subject)
/** Advances the clock in steps until what waits was sent. */
const pass = async (steps: number, minutes: number): Promise<void> => {
  for (let step = 0; step < steps; step += 1) {
    service.clock.advance({ minutes })
    await settled()
  }
}

describe('mail through a server', () => {
  test('a sign-up sends a mail whose link verifies the address', async () => {
    const user = await signedUp()
    await settled()
    const [mail] = mails.to(user.email)
    expect(mail).toMatchObject({
      from: { name: 'Chat', address: 'no-reply@chat.example.org' },
      subject: 'Verify your e-mail address for chat-auth',
    })
    const token = /http:\/\/localhost:8000\/verify-email#token=([\w-]+)/.exec(mail?.text ?? '')?.[1]
    expect(mail?.html).toContain(`verify-email#token=${token ?? 'none'}`)
    const response = await service.client().post('/v1/email-verifications/complete', { token })
    expect(response.status).toBe(204)
  })

  test('a greylisted mail is sent again and arrives once', async () => {
    let refusals = 0
    mails.refuse = (step) => {
      if (step !== 'recipient' || refusals > 0) return undefined
      refusals += 1
      return '450 4.2.0 try again in a minute'
    }
    const user = await signedUp()
    await settled()
    expect(await deliveries('waiting')).toMatchObject([
      { attempts: 1, last_error: 'the mail server responded with 450 4.2.0 to the recipient' },
    ])
    await pass(1, 1)
    expect(subjectsTo(user)).toEqual(['Verify your e-mail address for chat-auth'])
    expect(await deliveries('waiting')).toEqual([])
  })

  test(
    'users whose mailbox does not exist delay no mail for others',
    { tags: ['MAIL-9', 'MAIL-10'] },
    async () => {
      const missing = Array.from({ length: 6 }, newUser)
      const addresses = missing.map(({ email }) => email)
      mails.refuse = (step, subject) =>
        step === 'recipient' && addresses.includes(subject) ? `550 5.1.1 no mailbox ${subject}` : undefined
      const gone: TestUser[] = []
      for (const person of missing) gone.push(await service.client().register(person))
      const well = await signedUp()
      await settled()
      expect(subjectsTo(well)).toHaveLength(1)
      const dead = await deliveries('dead')
      expect(dead.map(({ event }) => event.user_id).toSorted()).toEqual(gone.map(({ id }) => id).toSorted())
      for (const { attempts, last_error: error } of dead) {
        expect(attempts).toBe(1)
        expect(error).toBe('the mail server responded with 550 5.1.1 to the recipient')
      }
      expect(service.logs.map(({ event }) => event)).not.toContain('consumer.paused')
      for (const { email } of gone) expect(JSON.stringify(service.logs)).not.toContain(email)
    },
  )

  test('recipients who are refused for now delay no mail for others', { tags: ['MAIL-9'] }, async () => {
    const logged = service.logs.length
    const strangers = Array.from({ length: 6 }, newUser)
    const addresses = strangers.map(({ email }) => email)
    mails.refuse = (step, subject) =>
      step === 'recipient' && addresses.includes(subject) ? '450 4.1.2 domain not found' : undefined
    for (const person of strangers) await service.client().register(person)
    await settled()
    const well = await signedUp()
    await settled()
    expect(subjectsTo(well)).toHaveLength(1)
    expect(service.logs.slice(logged).map(({ event }) => event)).not.toContain('consumer.paused')
    mails.refuse = () => undefined
    await pass(1, 1)
    expect(await deliveries('waiting')).toEqual([])
  })

  test('a server that is down for hours gets every mail when it is up', { tags: ['MAIL-9'] }, async () => {
    await mails.down()
    const users: TestUser[] = []
    for (let count = 0; count < 6; count += 1) users.push(await signedUp())
    await settled()
    expect(await deliveries('waiting')).toHaveLength(6)
    await pass(6, 20)
    expect(service.logs.map(({ event }) => event)).toContain('consumer.paused')
    await mails.up()
    await pass(3, 60)
    expect(await deliveries('waiting')).toEqual([])
    for (const user of users) expect(subjectsTo(user)).toHaveLength(1)
    // The links live from the sending.
    const [mail] = mails.to(users[0]?.email ?? '')
    const token = /#token=([\w-]+)/.exec(mail?.text ?? '')?.[1]
    const response = await service.client().post('/v1/email-verifications/complete', { token })
    expect(response.status).toBe(204)
  })

  test('a wrong login loses no mail and shows no password', { tags: ['MAIL-9', 'MAIL-10'] }, async () => {
    // The login of an open connection counts, so the next mail needs a new one.
    await mails.down()
    await mails.up()
    const before = mails.attempts.length
    mails.refuse = (step, subject) => (step === 'login' ? `535 5.7.8 wrong: ${subject}` : undefined)
    const user = await signedUp()
    await settled()
    const [waiting] = await deliveries('waiting')
    expect(waiting?.last_error).toBe('the mail server responded with 535 5.7.8 to the login')
    expect(mails.attempts).toHaveLength(before)
    expect(JSON.stringify(service.logs)).not.toMatch(/right.password/)
    mails.refuse = () => undefined
    await pass(1, 60)
    expect(subjectsTo(user)).toHaveLength(1)
  })
})
