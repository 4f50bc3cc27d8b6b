import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestClient, type Answer, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectEnded, expectPrivate, expectProblem, expectRefusedFields } from './expectations.ts'

const PAGE = 'https://chat.example.org'
const TICKET = /^[\w-]{43}$/

describe.each(databaseNames)('tickets, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { SESSION_TTL: '1h', MAX_SESSIONS_PER_USER: '2' })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const ask = ({ access_token: token }: Tokens, origin?: string): Promise<Answer> =>
    service
      .client()
      .request('POST', '/v1/tickets', { token, headers: origin === undefined ? {} : { origin } })
  const ticketFor = async (tokens: Tokens, origin?: string): Promise<string> => {
    const { status, body } = await ask(tokens, origin)
    expect(status).toBe(201)
    return (body as { ticket: string }).ticket
  }
  const redeem = (ticket: string, origin?: string): Promise<Answer> =>
    service.operator().post('/v1/tickets/redeem', { ticket, ...(origin !== undefined && { origin }) })
  const signedIn = async (): Promise<{ person: Person; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, tokens: await service.client().signIn(person, { device_id: 'the-phone' }) }
  }
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> =>
    (await service.client().refresh(token)).body as Tokens
  /** What the access token says, without what names that one token. */
  const claimsOf = ({ access_token: token }: Tokens): Record<string, unknown> => {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    const { jti, ...claims } = JSON.parse(payload) as Record<string, unknown>
    expect(jti).toEqual(expect.any(String))
    return claims
  }

  describe('asking for one', () => {
    test('answers 201 with a ticket for 30 seconds', async () => {
      const { tokens } = await signedIn()
      const answer = await ask(tokens)
      expect(answer.status).toBe(201)
      expect(answer.body).toEqual({ ticket: expect.stringMatching(TICKET) as string, expires_in: 30 })
      expectPrivate(answer)
    })

    test('gives another one each time, and each works', async () => {
      const { tokens } = await signedIn()
      const tickets = await Promise.all(Array.from({ length: 8 }, () => ticketFor(tokens)))
      expect(new Set(tickets).size).toBe(8)
      for (const ticket of tickets) expect((await redeem(ticket)).status).toBe(200)
    })

    test('needs an access token of a live session', async () => {
      const { tokens } = await signedIn()
      expectProblem(await service.client().post('/v1/tickets'), 'authentication_required')
      expectProblem(await service.client().post('/v1/tickets', undefined, 'x'), 'invalid_access_token')
      await service.client().delete('/v1/sessions/current', tokens.access_token)
      expectEnded(await ask(tokens), 'signed_out')
    })

    test('shows that somebody has what the last refresh handed out', async () => {
      const { tokens } = await signedIn()
      const next = await refreshed(tokens)
      await ticketFor(next)
      await vi.waitFor(async () => {
        await service.service.receipts.flush()
        const row = service.service.db.selectFrom('sessions').select('confirmed_generation')
        const { id } = tokens.session
        expect(await row.where('id', '=', id).executeTakeFirst()).toEqual({ confirmed_generation: 1 })
      })
      service.clock.advance({ minutes: 5 })
      expectProblem(await service.client().refresh(tokens.refresh_token), 'refresh_token_reused')
    })

    test('is not for disabled people', async () => {
      const { person, tokens } = await signedIn()
      await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
      expectEnded(await ask(tokens), 'user_disabled')
    })

    test('is not possible on the internal listener', async () => {
      const { tokens } = await signedIn()
      expectProblem(await service.operator().post('/v1/tickets', {}, tokens.access_token), 'not_found')
    })
  })

  describe('redeeming one', () => {
    test('answers the claims of the access token it was asked for with', async () => {
      const { person, tokens } = await signedIn()
      const next = await refreshed(tokens)
      service.clock.advance({ seconds: 20 })
      const answer = await redeem(await ticketFor(next))
      expect(answer.status).toBe(200)
      expect(answer.body).toEqual(claimsOf(next))
      expect(answer.body).toMatchObject({
        ...{ aud: 'chat', user_id: person.id, sub: String(person.id), sid: tokens.session.id, gen: 1 },
        ...{ amr: ['pwd'], roles: [] },
      })
      expectPrivate(answer)
    })

    test('works once', async () => {
      const ticket = await ticketFor((await signedIn()).tokens)
      expect((await redeem(ticket)).status).toBe(200)
      for (let time = 0; time < 2; time += 1) expectProblem(await redeem(ticket), 'ticket_gone')
    })

    test('works for one of 64 at once', async () => {
      const ticket = await ticketFor((await signedIn()).tokens)
      const answers = await Promise.all(Array.from({ length: 64 }, () => redeem(ticket)))
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      for (const answer of answers.filter(({ status }) => status !== 200))
        expectProblem(answer, 'ticket_gone')
    })

    test('works for 30 seconds', async () => {
      const { tokens } = await signedIn()
      const [one, two] = [await ticketFor(tokens), await ticketFor(tokens)]
      service.clock.advance({ seconds: 29.999 })
      expect((await redeem(one)).status).toBe(200)
      service.clock.advance({ seconds: 0.001 })
      expectProblem(await redeem(two), 'ticket_gone')
    })

    test('works no longer than the access token, and the asker is told so', async () => {
      const { tokens } = await signedIn()
      const { exp } = claimsOf(tokens) as { exp: number }
      service.clock.advance({ seconds: exp - 10 - +service.clock.now() / 1000 })
      const { body } = await ask(tokens)
      const [one, two] = [await ticketFor(tokens), await ticketFor(tokens)]
      expect(body).toMatchObject({ expires_in: 10 })
      service.clock.advance({ seconds: 9.999 })
      expect((await redeem(one)).status).toBe(200)
      service.clock.advance({ seconds: 0.001 })
      expectProblem(await redeem(two), 'ticket_gone')
    })

    test('works although the session was refreshed since', async () => {
      const { tokens } = await signedIn()
      const ticket = await ticketFor(tokens)
      await refreshed(await refreshed(tokens))
      expect((await redeem(ticket)).body).toMatchObject({ gen: 0 })
      // Asked for only then, with the same access token.
      expect((await redeem(await ticketFor(tokens))).body).toEqual(claimsOf(tokens))
    })

    test.each(['', 'x', '0'.repeat(43), '\u0000', '\ud800', '🎫', 'x'.repeat(4096), randomUUID()])(
      'there is no ticket %#',
      async (ticket) => {
        expectProblem(await redeem(ticket), 'ticket_gone')
      },
    )

    test('there is no ticket in another spelling', async () => {
      const ticket = await ticketFor((await signedIn()).tokens)
      const bytes = Buffer.from(ticket, 'base64url')
      const spellings = [` ${ticket}`, `${ticket} `, `${ticket}=`, `Bearer ${ticket}`, ticket.slice(0, -1)]
      spellings.push(bytes.toString('hex'), bytes.toString('base64'), `${ticket}\u0000`)
      for (const spelling of spellings) expectProblem(await redeem(spelling), 'ticket_gone')
      expect((await redeem(ticket)).status).toBe(200)
    })

    test('anything but a string is 422, and spends nothing', async () => {
      const ticket = await ticketFor((await signedIn()).tokens, PAGE)
      const post = (body: unknown) => service.operator().post('/v1/tickets/redeem', body)
      expectRefusedFields(await post(undefined), { body: 'required' })
      expectRefusedFields(await post({}), { ticket: 'required' })
      for (const wrong of [null, 7, true, [ticket], { ticket }]) {
        expectRefusedFields(await post({ ticket: wrong }), { ticket: 'invalid_type' })
        expectRefusedFields(await post({ ticket, origin: wrong }), { origin: 'invalid_type' })
      }
      expectRefusedFields(await post({ ticket: 'x'.repeat(4097) }), { ticket: 'too_long' })
      expectRefusedFields(await post({ ticket, origin: 'x'.repeat(4097) }), { origin: 'too_long' })
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      const sent = { body: `ticket=${ticket}&origin=${PAGE}`, headers: form }
      const answer = await service.operator().request('POST', '/v1/tickets/redeem', sent)
      expectProblem(answer, 'unsupported_media_type')
      expect((await redeem(ticket, PAGE)).status).toBe(200)
    })

    test('needs a service key, and spends nothing without', async () => {
      const { tokens } = await signedIn()
      const ticket = await ticketFor(tokens)
      const body = { ticket }
      for (const token of [undefined, tokens.access_token, tokens.refresh_token, ticket, 'wrong']) {
        const anybody = new TestClient(service.internalUrl)
        const answer = await anybody.request('POST', '/v1/tickets/redeem', { body, token })
        expectProblem(answer, 'invalid_service_key')
      }
      expectProblem(await service.client().post('/v1/tickets/redeem', body, service.serviceKey), 'not_found')
      expect((await redeem(ticket)).status).toBe(200)
    })
  })

  describe('the page a ticket was asked for from', () => {
    test('is the one that may redeem it', async () => {
      const { tokens } = await signedIn()
      expect((await redeem(await ticketFor(tokens, PAGE), PAGE)).body).toEqual(claimsOf(tokens))
    })

    test.each([
      undefined,
      '',
      'null',
      'https://evil.example',
      `${PAGE}/`,
      `${PAGE}:443`,
      'http://chat.example.org',
    ])('is not %s: that is 403, and the ticket is spent', async (origin) => {
      const ticket = await ticketFor((await signedIn()).tokens, PAGE)
      expectProblem(await redeem(ticket, origin), 'origin_mismatch')
      expectProblem(await redeem(ticket, PAGE), 'ticket_gone')
    })

    test('is named for nothing when there was none', async () => {
      const { tokens } = await signedIn()
      for (const origin of [undefined, '', 'null', PAGE])
        expect((await redeem(await ticketFor(tokens), origin)).status).toBe(200)
    })

    test('may be one without an address', async () => {
      const { tokens } = await signedIn()
      expect((await redeem(await ticketFor(tokens, 'null'), 'null')).status).toBe(200)
      expectProblem(await redeem(await ticketFor(tokens, 'null')), 'origin_mismatch')
      expectProblem(await redeem(await ticketFor(tokens, 'null'), PAGE), 'origin_mismatch')
    })
  })

  interface Ending {
    readonly how: string
    readonly reason: string
    readonly end: (person: Person, tokens: Tokens) => Promise<Answer>
  }
  const end = (path: string, { access_token: token }: Tokens) => service.client().delete(path, token)
  const another = (person: Person) => service.client().signIn(person)
  const endings: Ending[] = [
    {
      ...{ how: 'signing out', reason: 'signed_out' },
      end: (_person, tokens) => end('/v1/sessions/current', tokens),
    },
    {
      ...{ how: 'ending it by its id', reason: 'signed_out' },
      end: (_person, tokens) => end(`/v1/sessions/${tokens.session.id}`, tokens),
    },
    {
      ...{ how: 'ending all sessions', reason: 'signed_out' },
      end: (_person, tokens) => end('/v1/sessions', tokens),
    },
    {
      ...{ how: 'ending it from another device', reason: 'terminated' },
      end: async (person, tokens) => end(`/v1/sessions/${tokens.session.id}`, await another(person)),
    },
    {
      ...{ how: 'ending all but another one', reason: 'terminated' },
      end: async (person) => end('/v1/sessions?keep=current', await another(person)),
    },
    {
      ...{ how: 'an operator', reason: 'terminated_by_admin' },
      end: ({ id }) => service.operator().delete(`/v1/users/${id}/sessions`),
    },
    {
      ...{ how: 'a ban', reason: 'user_disabled' },
      end: ({ id }) => service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' }),
    },
    {
      ...{ how: 'a password change', reason: 'password_changed' },
      end: async (person) => {
        const body = { current_password: person.password, new_password: `pw ${randomUUID()}` }
        const { access_token: token } = await another(person)
        return service.client().put('/v1/users/me/password', body, token)
      },
    },
    {
      ...{ how: 'a replay', reason: 'refresh_token_reused' },
      end: async (_person, tokens) => {
        await refreshed(await refreshed(tokens))
        return service.client().refresh(tokens.refresh_token)
      },
    },
    {
      ...{ how: 'a sign-in on the same device', reason: 'replaced' },
      end: ({ username, password }) =>
        service.client().post('/v1/sessions', { username, password, device_id: 'the-phone' }),
    },
    {
      ...{ how: 'one session too many', reason: 'displaced' },
      end: async ({ username, password }) => {
        // The one that has rested longest makes room.
        service.clock.advance({ seconds: 5 })
        const signIn = () => service.client().post('/v1/sessions', { username, password })
        await signIn()
        return signIn()
      },
    },
  ]

  test.each(endings)('none is good once its session was ended by $how', async ({ reason, end: endIt }) => {
    const { person, tokens } = await signedIn()
    const [one, bound] = [await ticketFor(tokens), await ticketFor(tokens, PAGE)]
    await endIt(person, tokens)
    expectEnded(await service.client().get('/v1/users/me', tokens.access_token), reason)
    expectProblem(await redeem(one), 'ticket_gone')
    expectProblem(await redeem(bound, PAGE), 'ticket_gone')
  })

  test('none comes back with a person who is enabled again', async () => {
    const { person, tokens } = await signedIn()
    const ticket = await ticketFor(tokens)
    await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    await service.operator().post(`/v1/users/${person.id}/enable`)
    expectProblem(await redeem(ticket), 'ticket_gone')
  })

  test('one is as good as before when another session of the person ends', async () => {
    const { person, tokens } = await signedIn()
    const ticket = await ticketFor(tokens)
    await end('/v1/sessions/current', await another(person))
    expect((await redeem(ticket)).status).toBe(200)
  })

  test('none is good once its session has run out', async () => {
    const { tokens } = await signedIn()
    let last = tokens
    for (let time = 0; time < 7; time += 1) {
      service.clock.advance({ minutes: 8.5 })
      last = await refreshed(last)
    }
    const { exp } = claimsOf(last) as { exp: number }
    service.clock.advance({ seconds: exp - 5 - +service.clock.now() / 1000 })
    const [one, two] = [await ticketFor(last), await ticketFor(last)]
    service.clock.advance({ seconds: 4.999 })
    expect((await redeem(one)).status).toBe(200)
    service.clock.advance({ seconds: 0.001 })
    expectProblem(await redeem(two), 'ticket_gone')
  })

  test('no ticket is in a log', async () => {
    const { tokens } = await signedIn()
    const ticket = await ticketFor(tokens, PAGE)
    await redeem(ticket, PAGE)
    await redeem(ticket)
    expect(JSON.stringify(service.logs)).not.toContain(ticket)
  })
})
