import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import { expectPrivate, expectProblem } from '../../../support/http-expectations.ts'

interface KeyList {
  readonly algorithm: string
  readonly items: readonly {
    readonly kid: string
    readonly state: string
    readonly signs_from: string
    readonly signs_until: string
    readonly published_until: string
  }[]
}

const HOUR_MS = 3_600_000

describe.each(databaseNames)('the signing keys, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
  })
  afterAll(() => service.stop())

  const list = async () => (await service.operator().get('/v1/keys')).body as KeyList
  const states = async () => (await list()).items.map(({ kid, state }) => [kid, state])
  const published = async () => {
    const { body } = await service.client().get('/.well-known/jwks.json')
    return (body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
  }
  const signer = async () => {
    const { access_token: token } = await service.client().signIn(await service.client().register())
    return decodeProtectedHeader(token).kid
  }

  test('the audit log names who made a key', { tags: ['AUDIT-7'] }, async () => {
    const own = await startTestService(database)
    onTestFinished(() => own.stop())
    const made = (await own.operator().post('/v1/keys/rotate')).body as KeyList
    const { body } = await own.operator().get('/v1/audit?action=signing_key.created')
    expect((body as { items: unknown }).items).toMatchObject([
      { actor: expect.stringMatching(/^service:/) as string, data: { kid: made.items[1]?.kid } },
      { actor: 'system', ip: null, data: { kid: made.items[0]?.kid } },
    ])
  })

  test('signing keys are listed without their private parts', async () => {
    const response = await service.operator().get('/v1/keys')
    const [kid = ''] = await published()
    const time = expect.stringMatching(/Z$/) as string
    expect(response.status).toBe(200)
    expect(response.body).toEqual({
      algorithm: 'EdDSA',
      items: [
        {
          kid,
          algorithm: 'EdDSA',
          state: 'signing',
          usable: true,
          signs_from: time,
          signs_until: time,
          published_until: time,
        },
      ],
    })
    expectPrivate(response)
  })

  test(
    'a new signing key is published immediately and signs an hour later; the old stays valid',
    { tags: ['TOKEN-18'] },
    async () => {
      const [before = ''] = await published()
      const token = (await service.client().signIn(await service.client().register())).access_token
      const responses = await Promise.all([1, 2, 3].map(() => service.operator().post('/v1/keys/rotate')))
      for (const { status, body } of responses)
        expect([status, (body as KeyList).items.map(({ state }) => state)]).toEqual([
          200,
          ['signing', 'coming'],
        ])
      expectPrivate(responses[0] ?? expect.fail())

      const { items } = await list()
      const coming = items[1] ?? expect.fail()
      expect(await states()).toEqual([
        [before, 'signing'],
        [coming.kid, 'coming'],
      ])
      expect(Date.parse(coming.signs_from) - +service.clock.now()).toBeGreaterThan(0.9 * HOUR_MS)
      expect(await published()).toEqual([before, coming.kid])
      expect(await signer()).toBe(before)
      expect((await service.client().get('/v1/users/me', token)).status).toBe(200)

      service.clock.advance({ hours: 1 })
      expect(await states()).toEqual([
        [before, 'published'],
        [coming.kid, 'signing'],
      ])
      expect(await signer()).toBe(coming.kid)
      expect(await published()).toEqual([before, coming.kid])
    },
  )

  test('a signing key is removed when no token signed with it can be valid', async () => {
    const { items } = await list()
    const old = items.find(({ state }) => state === 'published') ?? expect.fail()
    service.clock.advance({ seconds: (Date.parse(old.published_until) - +service.clock.now()) / 1000 + 1 })
    expect((await list()).items.map(({ kid }) => kid)).not.toContain(old.kid)
  })
})

describe.each(databaseNames)('a shared secret, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, {
      TOKEN_ALGORITHM: 'HS256',
      TOKEN_SHARED_SECRET: 'the shared secret of the tests, long enough',
    })
  })
  afterAll(() => service.stop())

  test('a shared secret is not listed or rotated as a signing key', async () => {
    const { body } = await service.operator().get('/v1/keys')
    expect(body).toEqual({ algorithm: 'HS256', items: [] })
    expectProblem(await service.operator().post('/v1/keys/rotate'), 'no_signing_keys')
  })
})
