// Links in mails over HTTP, as an attacker would try them.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { MailLinkContent } from '../../../../src/application/ports/mail-links.ts'
import type { SessionId } from '../../../../src/domain/session.ts'
import type { UserId } from '../../../../src/domain/user.ts'
import { HmacMailLinks } from '../../../../src/infrastructure/crypto/hmac-mail-links.ts'
import { HOUR } from '../../../support/builders.ts'
import { expectProblem } from '../../../support/http-expectations.ts'
import { exchange, request } from '../../../support/raw-exchange.ts'
import { newUser, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  testSecret,
  type TestService,
} from '../../../support/test-service.ts'

/** Nothing listens there. Links are made by the test, so no mail has to arrive. */
const unreachableServer = { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'auth@example.org' }
const links = new HmacMailLinks({ current: testSecret, previous: [] })

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type Purpose = DistributiveOmit<MailLinkContent, 'userId' | 'expiresAt'>

describe.each(databaseNames)('links in mails, on %s', (database) => {
  let service: TestService
  beforeAll(async () => {
    const mail = database === 'PostgreSQL' ? unreachableServer : {}
    service = await startTestService(database, { AUTH_SECRET: testSecret, ...mail })
  })
  afterAll(() => service.stop())

  const tokenFor = ({ id }: { id: number }, purpose: Purpose, seconds = HOUR): string =>
    links.issue({
      ...purpose,
      userId: id as UserId,
      expiresAt: new Date(service.clock.now().getTime() + seconds * 1_000),
    })
  const resetToken = (person: TestUser, passwordVersion = 1, seconds?: number) =>
    tokenFor(person, { purpose: 'reset_password', passwordVersion }, seconds)
  const reset = (token: string, { password } = newUser()) =>
    service.client().post('/v1/password-resets/complete', { token, new_password: password })
  const verify = (person: TestUser, emailVersion = 1) =>
    service.client().post('/v1/email-verifications/complete', {
      token: tokenFor(person, { purpose: 'verify_email', emailVersion }),
    })
  const register = () => service.client().register()
  const disable = ({ id }: TestUser) => service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
  const statusOf = async ({ access_token: token }: Tokens) =>
    (await service.client().get('/v1/users/me', token)).status

  /** All of a response that a stranger sees, without what differs in each. */
  const visible = ({ status, headers, body }: ApiResponse) => {
    const shown = Object.fromEntries(headers)
    delete shown['date']
    delete shown['x-request-id']
    return { status, headers: shown, body }
  }

  test(
    'requests for known, unknown, disabled and unverified addresses look the same',
    { tags: ['RESET-6'] },
    async () => {
      const [known, disabled, unverified] = [await register(), await register(), await register()]
      await verify(known)
      await disable(disabled)
      const client = service.client()
      const responses: ApiResponse[] = []
      for (const { email } of [known, disabled, unverified, newUser(), known])
        responses.push(await client.post('/v1/password-resets', { email }))
      expect(responses[0]).toMatchObject({ status: 202, body: undefined })
      expect(new Set(responses.map((each) => JSON.stringify(visible(each))))).toHaveLength(1)
      for (let n = 0; n < 20; n += 1) await client.post('/v1/password-resets', { email: newUser().email })
      const refused = await client.post('/v1/password-resets', { email: known.email })
      expect(refused).toMatchObject({ status: 429, body: { challenge: expect.anything() as object } })
      await service.service.useCases.acceptPasswordResets(100)
      const requested = await service.service.db
        .selectFrom('audit_log')
        .select('subject')
        .where('action', '=', 'user.password_reset_requested')
        .where('subject', 'in', [known.id, disabled.id, unverified.id])
        .execute()
      expect(requested.map(({ subject }) => subject).toSorted()).toEqual([known.id, unverified.id].toSorted())
    },
  )

  test(
    'of browsers that use one link at the same time, one sets its password',
    { tags: ['RESET-7'] },
    async () => {
      const person = await register()
      const token = resetToken(person)
      const wanted = Array.from({ length: 8 }, () => newUser())
      const responses = await Promise.all(wanted.map((each) => reset(token, each)))
      expect(responses.map(({ status }) => status).toSorted()).toEqual([204, ...Array<number>(7).fill(410)])
      const winner = wanted[responses.findIndex(({ status }) => status === 204)]
      await service.client().signIn({ ...person, password: winner?.password ?? '' })
    },
  )

  test(
    'a reset ends every session, and sign-ins with the old password at the same time',
    { tags: ['RESET-8'] },
    async () => {
      const person = await register()
      const before = await service.client().signIn(person)
      const { username, password } = person
      const attempts = Array.from({ length: 4 }, () =>
        service.client().post('/v1/sessions', { username, password }),
      )
      const [done, ...signIns] = await Promise.all([reset(resetToken(person)), ...attempts])
      expect(done.status).toBe(204)
      expect(await statusOf(before)).toBe(401)
      for (const { status, body } of signIns)
        if (status === 201) expect(await statusOf(body as Tokens)).toBe(401)
      expectProblem(
        await service.client().post('/v1/sessions', { username, password }),
        'invalid_credentials',
      )
    },
  )

  test(
    'a reset and a change of the password at the same time leave one password',
    { tags: ['RESET-7'] },
    async () => {
      const person = await register()
      const { access_token: token } = await service.client().signIn(person)
      const [byLink, byUser] = [newUser(), newUser()]
      const change = { current_password: person.password, new_password: byUser.password }
      const [linked, changed] = await Promise.all([
        reset(resetToken(person), byLink),
        service.client().put('/v1/users/me/password', change, token),
      ])
      expect([linked.status === 204, changed.status === 200]).toContain(true)
      expect([linked.status, changed.status]).not.toEqual([204, 200])
      const { password } = linked.status === 204 ? byLink : byUser
      await service.client().signIn({ ...person, password })
    },
  )

  test(
    'expired, outdated and foreign links are gone, and so are those of deleted users',
    { tags: ['RESET-7'] },
    async () => {
      const person = await register()
      const foreign = new HmacMailLinks({ current: 'another secret that is long enough too', previous: [] })
      const expiresAt = new Date(service.clock.now().getTime() + HOUR * 1_000)
      const content = {
        userId: person.id as UserId,
        expiresAt,
        purpose: 'reset_password',
        passwordVersion: 1,
      } as const
      const bad = [
        resetToken(person, 1, 0),
        resetToken(person, 0),
        resetToken(person, 2),
        foreign.issue(content),
        '',
      ]
      for (const token of bad) expectProblem(await reset(token), 'link_gone')
      const good = resetToken(person)
      const { access_token: access } = await service.client().signIn(person)
      const deletion = { body: { current_password: person.password }, token: access }
      expect((await service.client().request('DELETE', '/v1/users/me', deletion)).status).toBe(204)
      expectProblem(await reset(good), 'link_gone')
      expectProblem(await verify(person), 'link_gone')
    },
  )

  test('a disabled user cannot set a password, and the link stays good', { tags: ['RESET-7'] }, async () => {
    const person = await register()
    const token = resetToken(person)
    await disable(person)
    expect(await reset(token)).toMatchObject({ status: 403, body: { code: 'user_disabled' } })
    await service.operator().post(`/v1/users/${person.id}/enable`)
    expect((await reset(token)).status).toBe(204)
  })

  test(
    'a link works only where it belongs, and nothing else works as a link',
    { tags: ['RESET-7'] },
    async () => {
      const person = await register()
      const tokens = await service.client().signIn(person)
      const purposes: Record<string, Purpose> = {
        '/v1/password-resets/complete': { purpose: 'reset_password', passwordVersion: 1 },
        '/v1/email-verifications/complete': { purpose: 'verify_email', emailVersion: 1 },
        '/v1/email-changes/undo': { purpose: 'undo_email_change', emailVersion: 1 },
        '/v1/sessions/end-by-link': { purpose: 'end_session', sessionId: tokens.session.id as SessionId },
      }
      const { body: ticket } = await service.client().post('/v1/tickets', undefined, tokens.access_token)
      const others = [
        tokens.access_token,
        tokens.refresh_token,
        (ticket as { ticket: string }).ticket,
        tokens.session.id,
      ]
      const { password } = newUser()
      for (const [path, purpose] of Object.entries(purposes)) {
        const wrong = Object.keys(purposes).filter((other) => other !== path)
        for (const other of wrong) {
          const token = tokenFor(person, purpose)
          expectProblem(await service.client().post(other, { token, new_password: password }), 'link_gone')
        }
        for (const token of others)
          expectProblem(await service.client().post(path, { token, new_password: password }), 'link_gone')
        const link = tokenFor(person, purpose)
        expectProblem(await service.client().get('/v1/users/me', link), 'invalid_access_token')
        expectProblem(await service.client().refresh(link), 'invalid_refresh_token')
        expectProblem(await service.operator().post('/v1/tickets/redeem', { ticket: link }), 'ticket_gone')
        const guess = { username: person.username, password: link }
        expectProblem(await service.client().post('/v1/sessions', guess), 'invalid_credentials')
      }
      expect(await statusOf(tokens)).toBe(200)
    },
  )

  test('sign-ups and changes respond alike for taken and free addresses', { tags: ['RESET-5'] }, async () => {
    const owner = await register()
    await verify(owner)
    const shape = ({ status, headers, body }: ApiResponse) => [
      status,
      [...headers.keys()].toSorted(),
      Object.keys(body as object).toSorted(),
      (body as { email_verified?: boolean }).email_verified,
    ]
    for (const path of ['/v1/users', '/users']) {
      const signUp = (email: string) => service.client().post(path, { ...newUser(), email })
      expect(shape(await signUp(owner.email))).toEqual(shape(await signUp(newUser().email)))
    }
    for (const path of ['/v1/users/me', '/users/update']) {
      const change = async (email: string) => {
        const { access_token: token } = await service.client().signIn(await register())
        return service.client().patch(path, { email }, token)
      }
      const taken = await change(owner.email)
      expect(taken.status).toBe(200)
      expect(shape(taken)).toEqual(shape(await change(newUser().email)))
    }
    await service.client().signIn({ ...owner, username: owner.email })
  })

  test('an address is verified once, by its first holder who does so', { tags: ['RESET-7'] }, async () => {
    const first = await register()
    const second = await service.client().register({ email: first.email })
    const responses = await Promise.all([first, second, first, second].map((person) => verify(person)))
    const codes = responses.map(({ status, body }) =>
      status === 204 ? 'done' : (body as { code: string }).code,
    )
    expect(codes.filter((code) => code === 'done')).toHaveLength(1)
    expect(codes.filter((code) => code === 'email_taken')).toHaveLength(2)
    const winner = responses[0]?.status === 204 || responses[2]?.status === 204 ? first : second
    await service.client().signIn({ ...winner, username: first.email })
  })

  test('a stolen account comes back by the link to the address before', { tags: ['RESET-9'] }, async () => {
    const person = await register()
    await verify(person)
    const stolen = await service.client().signIn(person)
    const email = newUser().email
    await service.client().patch('/v1/users/me', { email }, stolen.access_token)
    const theirReset = resetToken(person, 2)
    const token = tokenFor(person, { purpose: 'undo_email_change', emailVersion: 2 })
    const undo = () => service.client().post('/v1/email-changes/undo', { token })
    expect((await undo()).status).toBe(204)
    expect(await statusOf(stolen)).toBe(401)
    expectProblem(await reset(theirReset), 'link_gone')
    expectProblem(await undo(), 'link_gone')
    const { access_token: own } = await service.client().signIn({ ...person, username: person.email })
    const { body } = await service.client().get('/v1/users/me', own)
    expect(body).toMatchObject({ email: person.email, email_verified: true })
  })

  test(
    'the log of changes names the user of a link, and links that were refused',
    { tags: ['RESET-11'] },
    async () => {
      const person = await register()
      const token = resetToken(person)
      await reset(token)
      await reset(token)
      await service.service.refusals.flush()
      const { body } = await service.operator().get(`/v1/audit?user_id=${person.id}`)
      const items = (body as { items: { action: string; actor: string; result: string }[] }).items
      expect(items).toMatchObject([
        { action: 'link.refused', actor: null, result: 'link_gone' },
        { action: 'user.email_verified', actor: `user:${person.id}`, result: 'success' },
        { action: 'user.password_reset', actor: `user:${person.id}`, result: 'success' },
        { action: 'user.created' },
      ])
      expect(JSON.stringify(service.logs)).not.toContain(token)
    },
  )

  test(
    'the pages of links are safe to open, and opening them changes nothing',
    { tags: ['RESET-12'] },
    async () => {
      const person = await register()
      const token = tokenFor(person, { purpose: 'verify_email', emailVersion: 1 })
      for (const path of ['/reset', '/verify-email', '/undo-email-change', '/end-session']) {
        const { status, headers, body } = await service.client().get(`${path}?token=${token}`)
        expect(status).toBe(200)
        expect(Object.fromEntries(headers)).toMatchObject({
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy':
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          'cache-control': 'no-store',
          'referrer-policy': 'no-referrer',
          'x-frame-options': 'DENY',
        })
        expect(body).not.toContain(token)
        expect(body).not.toMatch(/\{\{|<script(?! type="module" src="pages)|https?:/)
      }
      const row = service.service.db.selectFrom('users').select('email_verified').where('id', '=', person.id)
      expect(await row.executeTakeFirst()).toEqual({ email_verified: false })
    },
  )
})

// Only the embedded service has a mailbox to look into.
test('no header of a request changes the link in a mail', { tags: ['RESET-13'] }, async () => {
  const service = await startTestService('PGlite')
  onTestFinished(() => service.stop())
  const person = await service.client().register()
  const body = JSON.stringify({ email: person.email })
  const forged = ['Content-Type: application/json', `Content-Length: ${body.length}`]
  for (const name of ['X-Forwarded-Host', 'Forwarded', 'X-Forwarded-Proto', 'Origin', 'Referer'])
    forged.push(`${name}: https://evil.example`)
  const bytes = request('POST /v1/password-resets', forged, body)
    .toString()
    .replace('Host: localhost', 'Host: evil.example')
  expect((await exchange(service.url, bytes)).status).toBe(202)
  await service.service.useCases.acceptPasswordResets(100)
  await service.service.outbox.settle()
  const list = String((await service.operator().get('/mailbox')).body)
  const id = /href="[^"]*mailbox\/([^"/]+)"/.exec(list)?.[1] ?? ''
  const mail = String((await service.operator().get(`/mailbox/${id}`)).body)
  expect(mail).toContain('http://localhost:8000/reset#token=')
  expect(mail).not.toContain('evil.example')
})
