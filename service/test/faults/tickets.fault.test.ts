// Redeems tickets on two real processes in parallel, on a real PostgreSQL.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const rounds = faultRounds(5, 1 / 10)
const GONE = { status: 410, body: { code: 'ticket_gone' } }

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))

describe('tickets on two instances', () => {
  let place: Awaited<ReturnType<typeof migratedDatabase>>
  let instances: ServiceProcess[]

  beforeAll(async () => {
    place = await migratedDatabase()
    instances = await Promise.all(times(2, () => startServiceProcess(place.settings)))
  })
  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.stop()))
    await place.remove()
  })

  /** A client of one of the two instances, in turn. Each client has its own address. */
  const clientAt = (at: number): TestClient => new TestClient(instances[at % 2]?.url ?? '')
  const operatorAt = (at: number): TestClient => {
    const { internalUrl = '', serviceKey = '' } = instances[at % 2] ?? {}
    return new TestClient(internalUrl, undefined, { token: serviceKey })
  }
  const signedIn = async (): Promise<{ person: TestUser; tokens: Tokens }> => {
    const person = await clientAt(0).register()
    return { person, tokens: await clientAt(1).signIn(person) }
  }
  const ticketFor = async ({ access_token: token }: Tokens, at: number): Promise<string> => {
    const { status, body } = await clientAt(at).post('/v1/tickets', undefined, token)
    expect(status).toBe(201)
    return (body as { ticket: string }).ticket
  }
  const redeem = (ticket: string, at: number): Promise<ApiResponse> =>
    operatorAt(at).post('/v1/tickets/redeem', { ticket })

  test(
    'one of 64 parallel redemptions of a ticket succeeds',
    { tags: ['TOKEN-12'], timeout: timeoutFor(rounds) },
    async () => {
      const { tokens } = await signedIn()
      for (let round = 0; round < 2 * rounds; round += 1) {
        const ticket = await ticketFor(tokens, round)
        const responses = await Promise.all(times(64, (at) => redeem(ticket, at)))
        const [redeemed, ...others] = responses.toSorted((a, b) => a.status - b.status)
        expect(redeemed).toMatchObject({ status: 200, body: { sid: tokens.session.id } })
        for (const response of others) expect(response).toMatchObject(GONE)
      }
    },
  )

  const endings: {
    how: string
    end: (person: TestUser, tokens: Tokens, at: number) => Promise<ApiResponse>
  }[] = [
    {
      how: 'signing out',
      end: (_person, { access_token: token }, at) => clientAt(at).delete('/v1/sessions/current', token),
    },
    {
      how: 'a password change',
      end: async (person, _tokens, at) => {
        const { access_token: token } = await clientAt(at).signIn(person)
        const body = { current_password: person.password, new_password: `pw ${randomUUID()}` }
        return clientAt(at).put('/v1/users/me/password', body, token)
      },
    },
    {
      how: 'a ban',
      end: ({ id }, _tokens, at) =>
        operatorAt(at).post(`/v1/users/${id}/disable`, { reason: 'for the test' }),
    },
    {
      how: 'a replay',
      end: async (_person, { refresh_token: first }, at) => {
        const { body } = await clientAt(at).refresh(first)
        await clientAt(at).refresh((body as Tokens).refresh_token)
        return clientAt(at).refresh(first)
      },
    },
  ]

  test.each(endings)(
    'a ticket is refused on one instance once $how has ended its session on the other',
    { tags: ['SESSION-2'], timeout: timeoutFor(rounds) },
    async ({ end }) => {
      for (let round = 0; round < rounds; round += 1) {
        const { person, tokens } = await signedIn()
        const tickets = await Promise.all(times(8, (at) => ticketFor(tokens, at)))
        await end(person, tokens, round)
        const responses = await Promise.all(tickets.map((ticket) => redeem(ticket, round + 1)))
        for (const response of responses) expect(response).toMatchObject(GONE)
      }
    },
  )

  test(
    'a ticket redeemed while its session ends is refused after that',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const { tokens } = await signedIn()
        const tickets = await Promise.all(times(32, (at) => ticketFor(tokens, at)))
        let hasEnded = false
        const ended = clientAt(round)
          .delete('/v1/sessions/current', tokens.access_token)
          .then(({ status }) => (hasEnded = status === 204))
        const redeemAll = async (some: readonly string[]) => {
          for (const [at, ticket] of some.entries()) {
            const possible = hasEnded ? [410] : [200, 410]
            expect((await redeem(ticket, at)).status).toBeOneOf(possible)
          }
        }
        await redeemAll(tickets.slice(0, 24))
        expect(await ended).toBe(true)
        await redeemAll(tickets.slice(24))
      }
    },
  )

  test('a redemption that waits in the database while the session ends is refused', async () => {
    const { tokens } = await signedIn()
    const ticket = await ticketFor(tokens, 0)
    const holder = new pg.Client(place.url)
    await holder.connect()
    await holder.query('begin')
    await holder.query('select from tickets for update')
    const redemptions = times(2, (at) => redeem(ticket, at))
    await waitingForLocks(place.url, 2)
    const out = await clientAt(0).delete('/v1/sessions/current', tokens.access_token)
    expect(out.status).toBe(204)
    await holder.query('commit')
    for (const response of await Promise.all(redemptions)) expect(response).toMatchObject(GONE)
    await holder.end()
  })
})
