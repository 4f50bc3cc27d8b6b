// Sign-up by invitation, over HTTP, with two instances on PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ApiResponse } from '../../../support/test-client.ts'
import {
  migratedDatabase,
  startOn,
  startTestService,
  type TestService,
} from '../../../support/test-service.ts'
import { expectProblem } from '../../../support/http-expectations.ts'

let place: Awaited<ReturnType<typeof migratedDatabase>>
let one: TestService
let other: TestService

beforeAll(async () => {
  place = await migratedDatabase()
  const shared = { settings: place.settings, remove: () => Promise.resolve() }
  const settings = { REGISTRATION: 'invite' }
  ;[one, other] = await Promise.all([startOn(shared, settings), startOn(shared, settings)])
})
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()])
  await place.remove()
})

interface Created {
  readonly id: string
  readonly invitation: string
}

async function invite(wanted: object = {}): Promise<Created> {
  const { status, body } = await one.operator().post('/v1/invitations', { uses: 1, ...wanted })
  expect(status).toBe(201)
  return body as Created
}

const signUp = (service: TestService, invitation?: string): Promise<ApiResponse> => {
  const { username, email, password } = newUser()
  return service.client().post('/v1/users', { username, email, password, invitation })
}

describe('sign-up by invitation', () => {
  test(
    'of 12 sign-ups with one invitation at two instances at the same time, one succeeds',
    { tags: ['ACCOUNT-9'] },
    async () => {
      const { invitation } = await invite()
      const attempts = Array.from({ length: 12 }, (_, at) => signUp(at % 2 === 0 ? one : other, invitation))
      const responses = await Promise.all(attempts)
      expect(responses.map(({ status }) => status).toSorted()).toEqual([201, ...Array<number>(11).fill(403)])
    },
  )

  test('missing, wrong, used and expired invitations get the same refusal', async () => {
    const used = await invite()
    expect((await signUp(one, used.invitation)).status).toBe(201)
    const expired = await invite({ expires_at: new Date(+one.clock.now() + 60_000).toISOString() })
    one.clock.advance({ minutes: 2 })
    for (const invitation of [undefined, '', 'nonsense', '\u0000', used.invitation, expired.invitation])
      expectProblem(await signUp(one, invitation), 'invalid_invitation')
    one.clock.advance({ minutes: -2 })
  })

  test('the older route, whose frontend knows no invitations, refuses everybody', async () => {
    const { username, email, password } = newUser()
    const { invitation } = await invite()
    const response = await one.client().post('/users', { username, email, password, invitation })
    expect([response.status, response.body]).toMatchObject([403, { code: 'invalid_invitation' }])
  })

  test('the list shows uses, author and note, but no secret, and a revoked one is gone', async () => {
    const made = await invite({ uses: 3, note: 'For a class' })
    expect((await signUp(other, made.invitation)).status).toBe(201)
    const { body } = await one.operator().get('/v1/invitations?limit=1')
    expect(body).toEqual({
      items: [
        {
          id: made.id,
          uses: 3,
          uses_left: 2,
          note: 'For a class',
          created_by: 'service:tests',
          created_at: expect.any(String) as string,
          expires_at: expect.any(String) as string,
        },
      ],
      next_cursor: made.id,
    })
    const revoke = () => one.operator().delete(`/v1/invitations/${made.id}`)
    expect((await revoke()).status).toBe(204)
    expectProblem(await revoke(), 'invitation_not_found')
    expectProblem(await signUp(one, made.invitation), 'invalid_invitation')
  })

  test(
    'the audit log names the invitation of a user, and who created and revoked it',
    { tags: ['AUDIT-7'] },
    async () => {
      const made = await invite()
      const { body: user } = await signUp(one, made.invitation)
      await one.operator().delete(`/v1/invitations/${made.id}`)
      const read = async (query: string) => {
        const { body } = await one.operator().get(`/v1/audit?limit=1&${query}`)
        return (body as { items: object[] }).items[0]
      }
      const invitation_id = Number(made.id)
      expect(await read(`user_id=${(user as { id: number }).id}`)).toMatchObject({
        action: 'user.created',
        data: { invitation_id },
      })
      for (const action of ['invitation.created', 'invitation.revoked']) {
        expect(await read(`action=${action}`)).toMatchObject({
          actor: 'service:tests',
          user_id: null,
          ip: '127.0.0.1',
          data: { invitation_id },
        })
      }
    },
  )

  test.each([
    { uses: 0 },
    { uses: 1_001 },
    { uses: 1.5 },
    { expires_at: '2020-01-01T00:00:00Z' },
    { note: '' },
  ])('an invitation with %j is refused', async (wanted) => {
    expect((await one.operator().post('/v1/invitations', { uses: 1, ...wanted })).status).toBe(422)
  })
})

test('closed registration refuses both routes', async () => {
  const closed = await startTestService('PGlite', { REGISTRATION: 'closed' })
  expectProblem(await signUp(closed, 'anything'), 'registration_closed')
  const { username, email, password } = newUser()
  const older = await closed.client().post('/users', { username, email, password })
  expect([older.status, older.body]).toMatchObject([403, { code: 'registration_closed' }])
  await closed.stop()
})
