import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
} from '../../../support/http-expectations.ts'

const PAGE = 'https://chat.example.org'
const TICKET = /^[\w-]{43}$/

describe.each(databaseNames)('tickets, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { SESSION_TTL: '1h', MAX_SESSIONS_PER_USER: '2' })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const ask = ({ access_token: token }: Tokens, origin?: string): Promise<ApiResponse> =>
    service
      .client()
      .request('POST', '/v1/tickets', { token, headers: origin === undefined ? {} : { origin } })
  const ticketFor = async (tokens: Tokens, origin?: string): Promise<string> => {
    const { status, body } = await ask(tokens, origin)
    expect(status).toBe(201)
    return (body as { ticket: string }).ticket
  }
  const redeem = (ticket: string, origin?: string): Promise<ApiResponse> =>
    service.operator().post('/v1/tickets/redeem', { ticket, ...(origin !== undefined && { origin }) })
  const signedIn = async (): Promise<{ person: TestUser; tokens: Tokens }> => {
    const person = await service.client().register()
    return { person, tokens: await service.client().signIn(person, { device_id: 'the-phone' }) }
  }
  const refreshed = async ({ refresh_token: token }: Tokens): Promise<Tokens> =>
    (await service.client().refresh(token)).body as Tokens
  /** The claims of the access token, without its own id (jti) and the proof of its receipt (rcp). */
  const claimsOf = ({ access_token: token }: Tokens): Record<string, unknown> => {
    const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    const { jti, rcp, ...claims } = JSON.parse(payload) as Record<string, unknown>
    expect([jti, rcp]).toEqual([expect.any(String), expect.any(String)])
    return claims
  }

  describe('requesting a ticket', () => {
    test('a request for a ticket returns a ticket for 30 seconds', async () => {
      const { tokens } = await signedIn()
      const response = await ask(tokens)
      expect(response.status).toBe(201)
      expect(response.body).toEqual({ ticket: expect.stringMatching(TICKET) as string, expires_in: 30 })
      expectPrivate(response)
    })

    test('each request returns a different ticket, and all of them work', async () => {
      const { tokens } = await signedIn()
      const tickets = await Promise.all(Array.from({ length: 8 }, () => ticketFor(tokens)))
      expect(new Set(tickets).size).toBe(8)
      for (const ticket of tickets) expect((await redeem(ticket)).status).toBe(200)
    })

    test('a request for a ticket needs an access token of a live session', async () => {
      const { tokens } = await signedIn()
      expectProblem(await service.client().post('/v1/tickets'), 'authentication_required')
      expectProblem(await service.client().post('/v1/tickets', undefined, 'x'), 'invalid_access_token')
      await service.client().delete('/v1/sessions/current', tokens.access_token)
      expectEnded(await ask(tokens), 'signed_out')
    })

    test('a request for a ticket confirms the generation of its access token', async () => {
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

    test('a disabled user gets no ticket', async () => {
      const { person, tokens } = await signedIn()
      await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
      expectEnded(await ask(tokens), 'user_disabled')
    })

    test('the internal listener issues no tickets', async () => {
      const { tokens } = await signedIn()
      expectProblem(await service.operator().post('/v1/tickets', {}, tokens.access_token), 'not_found')
    })
  })

  describe('redeeming a ticket', () => {
    test('a redeemed ticket returns the claims of the access token it was requested with', async () => {
      const { person, tokens } = await signedIn()
      const next = await refreshed(tokens)
      service.clock.advance({ seconds: 20 })
      const response = await redeem(await ticketFor(next))
      expect(response.status).toBe(200)
      expect(response.body).toEqual(claimsOf(next))
      expect(response.body).toMatchObject({
        aud: 'chat',
        user_id: person.id,
        sub: String(person.id),
        sid: tokens.session.id,
        gen: 1,
        amr: ['pwd'],
        roles: [],
      })
      expectPrivate(response)
    })

    test('a ticket can be redeemed once', async () => {
      const ticket = await ticketFor((await signedIn()).tokens)
      expect((await redeem(ticket)).status).toBe(200)
      for (let time = 0; time < 2; time += 1) expectProblem(await redeem(ticket), 'ticket_gone')
    })

    test('of 64 parallel redemptions of a ticket one succeeds', async () => {
      const ticket = await ticketFor((await signedIn()).tokens)
      const responses = await Promise.all(Array.from({ length: 64 }, () => redeem(ticket)))
      expect(responses.filter(({ status }) => status === 200)).toHaveLength(1)
      for (const response of responses.filter(({ status }) => status !== 200))
        expectProblem(response, 'ticket_gone')
    })

    test('a ticket expires after 30 seconds', async () => {
      const { tokens } = await signedIn()
      const [one, two] = [await ticketFor(tokens), await ticketFor(tokens)]
      service.clock.advance({ seconds: 29.999 })
      expect((await redeem(one)).status).toBe(200)
      service.clock.advance({ seconds: 0.001 })
      expectProblem(await redeem(two), 'ticket_gone')
    })

    test(
      'a ticket expires no later than its access token, and expires_in says so',
      { tags: ['TOKEN-12'] },
      async () => {
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
      },
    )

    test('a ticket stays valid when the session is refreshed', async () => {
      const { tokens } = await signedIn()
      const ticket = await ticketFor(tokens)
      await refreshed(await refreshed(tokens))
      expect((await redeem(ticket)).body).toMatchObject({ gen: 0 })
      // A ticket requested after the refreshes, with the same access token.
      expect((await redeem(await ticketFor(tokens))).body).toEqual(claimsOf(tokens))
    })

    test.each(['', 'x', '0'.repeat(43), '\u0000', '\ud800', '🎫', 'x'.repeat(4096), randomUUID()])(
      'an unknown ticket is refused (case %#)',
      async (ticket) => {
        expectProblem(await redeem(ticket), 'ticket_gone')
      },
    )

    test('a ticket in another spelling is refused', async () => {
      const ticket = await ticketFor((await signedIn()).tokens)
      const bytes = Buffer.from(ticket, 'base64url')
      const spellings = [` ${ticket}`, `${ticket} `, `${ticket}=`, `Bearer ${ticket}`, ticket.slice(0, -1)]
      spellings.push(bytes.toString('hex'), bytes.toString('base64'), `${ticket}\u0000`)
      for (const spelling of spellings) expectProblem(await redeem(spelling), 'ticket_gone')
      expect((await redeem(ticket)).status).toBe(200)
    })

    test(
      'redeeming anything but a string is 422 and does not spend the ticket',
      { tags: ['TOKEN-10'] },
      async () => {
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
        const response = await service.operator().request('POST', '/v1/tickets/redeem', sent)
        expectProblem(response, 'unsupported_media_type')
        expect((await redeem(ticket, PAGE)).status).toBe(200)
      },
    )

    test('redeeming without a service key is refused and does not spend the ticket', async () => {
      const { tokens } = await signedIn()
      const ticket = await ticketFor(tokens)
      const body = { ticket }
      for (const token of [undefined, tokens.access_token, tokens.refresh_token, ticket, 'wrong']) {
        const anybody = new TestClient(service.internalUrl)
        const response = await anybody.request('POST', '/v1/tickets/redeem', { body, token })
        expectProblem(response, 'invalid_service_key')
      }
      expectProblem(await service.client().post('/v1/tickets/redeem', body, service.serviceKey), 'not_found')
      expect((await redeem(ticket)).status).toBe(200)
    })
  })

  describe('the origin of a ticket', () => {
    test('a ticket is redeemed with the origin it was requested from', async () => {
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
    ])(
      'redeeming a ticket with the wrong origin %s is 403 and spends the ticket',
      { tags: ['TOKEN-13'] },
      async (origin) => {
        const ticket = await ticketFor((await signedIn()).tokens, PAGE)
        expectProblem(await redeem(ticket, origin), 'origin_mismatch')
        expectProblem(await redeem(ticket, PAGE), 'ticket_gone')
      },
    )

    test('a ticket requested without an origin ignores the origin when redeemed', async () => {
      const { tokens } = await signedIn()
      for (const origin of [undefined, '', 'null', PAGE])
        expect((await redeem(await ticketFor(tokens), origin)).status).toBe(200)
    })

    test('a ticket may be bound to the opaque origin null', async () => {
      const { tokens } = await signedIn()
      expect((await redeem(await ticketFor(tokens, 'null'), 'null')).status).toBe(200)
      expectProblem(await redeem(await ticketFor(tokens, 'null')), 'origin_mismatch')
      expectProblem(await redeem(await ticketFor(tokens, 'null'), PAGE), 'origin_mismatch')
    })
  })

  interface Ending {
    readonly how: string
    readonly reason: string
    readonly end: (person: TestUser, tokens: Tokens) => Promise<ApiResponse>
  }
  const end = (path: string, { access_token: token }: Tokens) => service.client().delete(path, token)
  const another = (person: TestUser) => service.client().signIn(person)
  const endings: Ending[] = [
    {
      how: 'signing out',
      reason: 'signed_out',
      end: (_person, tokens) => end('/v1/sessions/current', tokens),
    },
    {
      how: 'ending it by its id',
      reason: 'signed_out',
      end: (_person, tokens) => end(`/v1/sessions/${tokens.session.id}`, tokens),
    },
    {
      how: 'ending all sessions',
      reason: 'signed_out',
      end: (_person, tokens) => end('/v1/sessions', tokens),
    },
    {
      how: 'ending it from another device',
      reason: 'terminated',
      end: async (person, tokens) => end(`/v1/sessions/${tokens.session.id}`, await another(person)),
    },
    {
      how: 'ending all but another one',
      reason: 'terminated',
      end: async (person) => end('/v1/sessions?keep=current', await another(person)),
    },
    {
      how: 'an operator',
      reason: 'terminated_by_admin',
      end: ({ id }) => service.operator().delete(`/v1/users/${id}/sessions`),
    },
    {
      how: 'a ban',
      reason: 'user_disabled',
      end: ({ id }) => service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' }),
    },
    {
      how: 'a password change',
      reason: 'password_changed',
      end: async (person) => {
        const body = { current_password: person.password, new_password: `pw ${randomUUID()}` }
        const { access_token: token } = await another(person)
        return service.client().put('/v1/users/me/password', body, token)
      },
    },
    {
      how: 'a replay',
      reason: 'refresh_token_reused',
      end: async (_person, tokens) => {
        await refreshed(await refreshed(tokens))
        return service.client().refresh(tokens.refresh_token)
      },
    },
    {
      how: 'a sign-in on the same device',
      reason: 'replaced',
      end: ({ username, password }) =>
        service.client().post('/v1/sessions', { username, password, device_id: 'the-phone' }),
    },
    {
      how: 'one session too many',
      reason: 'displaced',
      end: async ({ username, password }) => {
        // The session unused for longest is displaced.
        service.clock.advance({ seconds: 5 })
        const signIn = () => service.client().post('/v1/sessions', { username, password })
        await signIn()
        return signIn()
      },
    },
  ]

  test.each(endings)(
    'a ticket is invalid after its session was ended by $how',
    { tags: ['SESSION-2'] },
    async ({ reason, end: endIt }) => {
      const { person, tokens } = await signedIn()
      const [one, bound] = [await ticketFor(tokens), await ticketFor(tokens, PAGE)]
      await endIt(person, tokens)
      expectEnded(await service.client().get('/v1/users/me', tokens.access_token), reason)
      expectProblem(await redeem(one), 'ticket_gone')
      expectProblem(await redeem(bound, PAGE), 'ticket_gone')
    },
  )

  test('an old ticket stays invalid when the user is enabled again', async () => {
    const { person, tokens } = await signedIn()
    const ticket = await ticketFor(tokens)
    await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    await service.operator().post(`/v1/users/${person.id}/enable`)
    expectProblem(await redeem(ticket), 'ticket_gone')
  })

  test('a ticket stays valid when another session of the user ends', async () => {
    const { person, tokens } = await signedIn()
    const ticket = await ticketFor(tokens)
    await end('/v1/sessions/current', await another(person))
    expect((await redeem(ticket)).status).toBe(200)
  })

  test('a ticket is invalid after its session expired', async () => {
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

  test('tickets do not appear in the log', { tags: ['TOKEN-12'] }, async () => {
    const { tokens } = await signedIn()
    const ticket = await ticketFor(tokens, PAGE)
    await redeem(ticket, PAGE)
    await redeem(ticket)
    expect(JSON.stringify(service.logs)).not.toContain(ticket)
  })
})
