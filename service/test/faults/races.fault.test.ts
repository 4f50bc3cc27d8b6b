// Sends racing requests to two real processes on a real PostgreSQL.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { recordFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { createTestDatabase } from '../support/test-database.ts'
import { newUser, TestClient, type ApiResponse, type TestUser, type Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const rounds = faultRounds(5, 1 / 10)

const started: ServiceProcess[] = []

/** Starts one service for each of the settings. Those still running are killed after the test. */
async function startAll(...settings: readonly Record<string, string>[]): Promise<ServiceProcess[]> {
  const services = await Promise.all(settings.map((one) => startServiceProcess(one)))
  started.push(...services)
  return services
}

const stopAll = async (services = started.splice(0)): Promise<void> => {
  await Promise.all(services.map((service) => service.stop()))
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(at))
const statusesOf = (responses: readonly ApiResponse[]) =>
  [...new Set(responses.map(({ status }) => status))].sort()
const codesOf = (responses: readonly ApiResponse[]) => {
  const refused = responses.filter(({ status }) => status >= 400)
  return [...new Set(refused.map(({ body }) => (body as { code: string }).code))].sort()
}
const tokensOf = ({ body }: ApiResponse) => body as Tokens

/** Adds one race to the result. */
function count(result: ReturnType<typeof recordFault>, responses: readonly ApiResponse[]): void {
  result.rounds += 1
  result.injected += 1
  result.acknowledged += responses.filter(({ status }) => status < 300).length
}

interface SessionRow {
  readonly id: string
  readonly generation: number
  readonly end_reason: string | null
  readonly device_id: string | null
  /** The number of rows about its end in the revocation log and in the outbox. */
  readonly revocations: number
  readonly ends: number
  readonly alarms: number
}

const eventsOf = (type: string) =>
  `(select count(*)::int from outbox where type = '${type}' and data->>'session_id' = sessions.id::text)`

async function sessionsOf(admin: pg.Client, userId: number): Promise<SessionRow[]> {
  const { rows } = await admin.query<SessionRow>(
    `select id, generation, end_reason, device_id,
       (select count(*)::int from revocations where session_id = sessions.id) as revocations,
       ${eventsOf('session.ended')} as ends, ${eventsOf('session.refresh_token_reused')} as alarms
     from sessions where user_id = $1 order by id`,
    [userId],
  )
  return rows
}

const liveOf = (sessions: readonly SessionRow[]) => sessions.filter(({ end_reason }) => end_reason === null)

const endedOnce = (reason: string) => ({ end_reason: reason, revocations: 1, ends: 1 })

describe('two instances', () => {
  let place: Awaited<ReturnType<typeof migratedDatabase>>
  let admin: pg.Client
  let instances: ServiceProcess[]

  beforeAll(async () => {
    place = await migratedDatabase()
    admin = new pg.Client(place.url)
    await admin.connect()
    const settings = { ...place.settings, MAX_SESSIONS_PER_USER: '4' }
    instances = await Promise.all([startServiceProcess(settings), startServiceProcess(settings)])
  })
  afterAll(async () => {
    await stopAll(instances)
    await admin.end()
    await place.remove()
  })

  /** A client of one of the two instances, in turn. Each client has its own address. */
  const clientAt = (at: number): TestClient => new TestClient(instances[at % 2]?.url ?? '')
  const operatorAt = (at: number): TestClient => new TestClient(instances[at % 2]?.internalUrl ?? '')
  const asOperator = () => ({ headers: { authorization: `Bearer ${instances[0]?.serviceKey ?? ''}` } })
  const registerUser = () => clientAt(0).register()
  const signIn = (person: TestUser, device = {}) => clientAt(1).signIn(person, device)

  const sessionOf = async ({ id }: TestUser, { session }: Tokens) =>
    (await sessionsOf(admin, id)).find((one) => one.id === session.id)

  test(
    '64 parallel refreshes of one token have one successor',
    { tags: ['SESSION-4'], timeout: timeoutFor(rounds) },
    async () => {
      const result = recordFault('two instances, one token, 64 in parallel')
      const person = await registerUser()
      let tokens = await signIn(person)
      for (let round = 1; round <= 6 * rounds; round += 1) {
        const responses = await Promise.all(times(64, (at) => clientAt(at).refresh(tokens.refresh_token)))
        count(result, responses)
        expect(statusesOf(responses)).toEqual([200])
        expect(new Set(responses.map((response) => tokensOf(response).refresh_token)).size).toBe(1)
        expect(await sessionOf(person, tokens)).toMatchObject({ generation: round, end_reason: null })
        tokens = tokensOf(responses[0] as ApiResponse)
        // Inside the window for lost responses, it makes no difference whether the last successor was used.
        if (round % 2 === 0) await clientAt(round).get('/v1/users/me', tokens.access_token)
      }
    },
  )

  test(
    '64 parallel refreshes of a token that is newer than the database have one successor',
    { tags: ['SESSION-14'], timeout: timeoutFor(rounds) },
    async () => {
      const result = recordFault('a session set back under two instances, 64 in parallel')
      const person = await registerUser()
      let tokens = await signIn(person)
      for (let round = 1; round <= 3 * rounds; round += 1) {
        tokens = tokensOf(await clientAt(round).refresh(tokens.refresh_token))
        await admin.query('update sessions set generation = 0, confirmed_generation = 0 where id = $1', [
          tokens.session.id,
        ])
        const responses = await Promise.all(times(64, (at) => clientAt(at).refresh(tokens.refresh_token)))
        count(result, responses)
        expect(statusesOf(responses)).toEqual([200])
        expect(new Set(responses.map((response) => tokensOf(response).refresh_token)).size).toBe(1)
        expect(await sessionOf(person, tokens)).toMatchObject({ generation: 2 * round, end_reason: null })
        const events = `select count(*)::int as count from outbox
          where type = 'session.rolled_forward' and data->>'session_id' = $1`
        expect((await admin.query(events, [tokens.session.id])).rows).toEqual([{ count: round }])
        tokens = tokensOf(responses[0] as ApiResponse)
      }
    },
  )

  interface Ending {
    readonly reason: string
    /** Ends the session. `other` is another session of the same user. */
    readonly end: (person: TestUser, tokens: Tokens, other: Tokens, at: number) => Promise<ApiResponse>
  }
  const endings: Ending[] = [
    {
      reason: 'signed_out',
      end: (_person, { access_token: token }, _other, at) =>
        clientAt(at).delete('/v1/sessions/current', token),
    },
    {
      reason: 'terminated',
      end: (_person, { session }, other, at) =>
        clientAt(at).delete(`/v1/sessions/${session.id}`, other.access_token),
    },
    {
      reason: 'password_changed',
      end: ({ password }, _tokens, other, at) => {
        const body = { current_password: password, new_password: `pw ${randomUUID()}` }
        return clientAt(at).put('/v1/users/me/password', body, other.access_token)
      },
    },
    {
      reason: 'terminated_by_admin',
      end: ({ id }, _tokens, _other, at) =>
        operatorAt(at).request('DELETE', `/v1/users/${id}/sessions`, asOperator()),
    },
    {
      reason: 'user_disabled',
      end: ({ id }, _tokens, _other, at) => {
        const options = { ...asOperator(), body: { reason: 'for the test' } }
        return operatorAt(at).request('POST', `/v1/users/${id}/disable`, options)
      },
    },
    {
      reason: 'replaced',
      end: ({ username, password }, _tokens, _other, at) =>
        clientAt(at).post('/v1/sessions', { username, password, device_id: 'the-device-of-the-test' }),
    },
  ]

  /**
   * Sends 24 parallel refreshes with the end after some of them. Then refreshes the successor until the end gets a
   * response, because some ends hash a password first. Each batch completes before the next, so that no request sends a
   * token from two generations ago.
   */
  async function refreshThrough(first: Tokens, before: number, end: () => Promise<ApiResponse>) {
    let newest = first
    let isOver = false
    const refresh = (at: number) => clientAt(at).refresh(newest.refresh_token)
    const early = times(before, refresh)
    const ending = end().finally(() => (isOver = true))
    const responses: ApiResponse[] = []
    const take = async (turn: readonly Promise<ApiResponse>[]): Promise<void> => {
      const taken = await Promise.all(turn)
      responses.push(...taken)
      const refreshed = taken.find(({ status }) => status === 200)
      if (refreshed !== undefined) newest = tokensOf(refreshed)
    }
    await take([...early, ...times(24 - before, refresh)])
    // A function, because the compiler does not see that the end may change the variable meanwhile.
    const isUnderWay = (): boolean => !isOver
    while (isUnderWay()) await take(times(8, refresh))
    return { responses, ended: await ending, newest }
  }

  test.each(endings)(
    'a session that is ended ($reason) while it is refreshed stays ended',
    async ({ reason, end }) => {
      const random = seededRandom()
      const result = recordFault('two instances, one token, raced by its end', random.seed)
      onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
      const all: ApiResponse[] = []
      for (let round = 0; round < rounds; round += 1) {
        const person = await registerUser()
        const tokens = await signIn(person, { device_id: 'the-device-of-the-test' })
        const other = await signIn(person)
        const { responses, ended, newest } = await refreshThrough(tokens, random.below(24), () =>
          end(person, tokens, other, round),
        )
        expect([200, 201, 204]).toContain(ended.status)
        all.push(...responses)
        count(result, [...responses, ended])
        expect([[], ['session_ended']]).toContainEqual(codesOf(responses))

        const known = [tokens, newest]
        const later = await Promise.all(
          times(8, (at) => clientAt(at).refresh(known[at % known.length]?.refresh_token ?? '')),
        )
        // Each success would mean that the end was undone.
        result.lost += later.filter(({ status }) => status === 200).length
        for (const response of later) expect(response.body).toMatchObject({ code: 'session_ended', reason })
        expect(await sessionOf(person, tokens)).toMatchObject({ ...endedOnce(reason), alarms: 0 })
      }
      // The refreshes did race the end.
      expect(statusesOf(all)).toEqual([200, 401])
    },
    timeoutFor(rounds),
  )

  test(
    'parallel sign-ins of one device leave exactly one live session',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await registerUser()
        const { username, password } = person
        const body = { username, password, device_id: 'one-device' }
        const responses = await Promise.all(times(8, (at) => clientAt(at).post('/v1/sessions', body)))
        expect(statusesOf(responses)).toEqual([201])

        const sessions = await sessionsOf(admin, person.id)
        expect(sessions).toHaveLength(8)
        const [live, ...others] = liveOf(sessions)
        expect(others).toEqual([])
        for (const session of sessions)
          if (session !== live) expect(session).toMatchObject(endedOnce('replaced'))
        const refreshed = await Promise.all(
          responses.map((one, at) => clientAt(at).refresh(tokensOf(one).refresh_token)),
        )
        const accepted = refreshed
          .filter(({ status }) => status === 200)
          .map((response) => tokensOf(response).session.id)
        expect(accepted).toEqual([live?.id])
        expect(codesOf(refreshed)).toEqual(['session_ended'])
      }
    },
  )

  test(
    'parallel sign-ins never leave more sessions than MAX_SESSIONS_PER_USER',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await registerUser()
        const { username, password } = person
        const responses = await Promise.all(
          times(8, (at) => clientAt(at).post('/v1/sessions', { username, password })),
        )
        expect(statusesOf(responses)).toEqual([201])
        const sessions = await sessionsOf(admin, person.id)
        expect(liveOf(sessions)).toHaveLength(4)
        const ended = sessions.filter(({ end_reason }) => end_reason !== null)
        for (const session of ended) expect(session).toMatchObject(endedOnce('displaced'))
      }
    },
  )

  test(
    'a name that its user gives up and takes back goes to nobody else who races for it',
    { tags: ['SESSION-19'], timeout: timeoutFor(rounds) },
    async () => {
      const rename = (at: number, username: string, { access_token: token }: Tokens) =>
        clientAt(at).patch('/v1/users/me', { username }, token)
      for (let round = 0; round < rounds; round += 1) {
        const [person, rival] = [await registerUser(), await registerUser()]
        const [own, rivals] = [await signIn(person), await signIn(rival)]
        const { username } = person
        const changes = rename(round, newUser().username, own).then(async (gone) => [
          gone,
          await rename(round + 1, username, own),
        ])
        const races = [
          ...times(4, (at) => clientAt(at).post('/v1/users', { ...newUser(), username })),
          ...times(4, (at) => rename(at, username.toUpperCase(), rivals)),
        ]
        expect(statusesOf(await changes)).toEqual([200])
        // The budget of the rival allows three changes at a time, so some are refused before they race.
        const codes = codesOf(await Promise.all(races))
        expect(statusesOf(await Promise.all(races)).filter((status) => status < 400)).toEqual([])
        expect(codes).toContain('username_taken')
        expect(codes.filter((code) => !['username_taken', 'too_many_attempts'].includes(code))).toEqual([])
        const { rows } = await admin.query('select id::int from users where username_key = $1', [username])
        expect(rows).toEqual([{ id: person.id }])
      }
    },
  )

  /** Requests that withdraw the tokens of their own session and return new ones. */
  const renewals = {
    'a change of the password': ({ password }: TestUser, token: string, at: number) => {
      const body = { current_password: password, new_password: `pw ${randomUUID()}` }
      return clientAt(at).put('/v1/users/me/password', body, token)
    },
    'entering the password again': ({ password }: TestUser, token: string, at: number) =>
      clientAt(at).post('/v1/sessions/current/reauthenticate', { current_password: password }, token),
  }

  describe.each(Object.entries(renewals))('%s', (name, renew) => {
    test(
      `a refresh during ${name} leaves one live pair and counts as no theft`,
      { tags: ['SESSION-18'], timeout: timeoutFor(rounds) },
      async () => {
        for (let round = 0; round < rounds; round += 1) {
          const person = await registerUser()
          const { access_token: token, refresh_token: presented, session } = await signIn(person)
          const [renewed, refreshes] = await Promise.all([
            renew(person, token, round),
            Promise.all(times(4, (at) => clientAt(at).refresh(presented))),
          ])
          expect(renewed.status).toBe(200)
          expect([[], ['invalid_refresh_token']]).toContainEqual(codesOf(refreshes))
          // Pairs that the refreshes got before the renewal are withdrawn by it.
          const won = refreshes.filter(({ status }) => status === 200).map(tokensOf)
          for (const pair of [...won, { access_token: token, refresh_token: presented }]) {
            const [read, again] = await Promise.all([
              clientAt(round).get('/v1/users/me', pair.access_token),
              clientAt(round + 1).refresh(pair.refresh_token),
            ])
            expect(codesOf([read, again])).toEqual(['invalid_access_token', 'invalid_refresh_token'])
          }
          const next = await clientAt(round + 1).refresh(tokensOf(renewed).refresh_token)
          expect(next.status).toBe(200)
          expect((await clientAt(round).get('/v1/users/me', tokensOf(next).access_token)).status).toBe(200)
          const rows = await sessionsOf(admin, person.id)
          expect(rows).toMatchObject([{ id: session.id, end_reason: null, alarms: 0, ends: 0 }])
        }
      },
    )

    test.each([
      [`a refresh that waits for ${name} is refused, and the new tokens stay`, 'renewal'],
      [`${name} that waits for a refresh withdraws the pair it gave`, 'refresh'],
    ])('%s', { tags: ['SESSION-18'] }, async (_, first) => {
      const person = await registerUser()
      const { access_token: token, refresh_token: presented, session } = await signIn(person)
      const requests = {
        renewal: () => renew(person, token, 0),
        refresh: () => clientAt(1).refresh(presented),
      }
      // Both wait for the session's row, in this order.
      await admin.query('begin')
      await admin.query('select from sessions where id = $1 for update', [session.id])
      const one = requests[first === 'renewal' ? 'renewal' : 'refresh']()
      await waitingForLocks(place.url, 1)
      const other = requests[first === 'renewal' ? 'refresh' : 'renewal']()
      await waitingForLocks(place.url, 2)
      await admin.query('commit')
      const [renewed, refreshed] = first === 'renewal' ? [await one, await other] : [await other, await one]
      expect(renewed.status).toBe(200)
      if (first === 'renewal') expect(codesOf([refreshed])).toEqual(['invalid_refresh_token'])
      else {
        expect(refreshed.status).toBe(200)
        const copy = await clientAt(0).refresh(tokensOf(refreshed).refresh_token)
        expect(codesOf([copy])).toEqual(['invalid_refresh_token'])
      }
      expect((await clientAt(1).refresh(tokensOf(renewed).refresh_token)).status).toBe(200)
      expect(await sessionsOf(admin, person.id)).toMatchObject([{ end_reason: null, alarms: 0 }])
    })

    test.each([
      [`a session that ends before ${name} stays ended`, 'end'],
      [`a session that ends after ${name} takes the new tokens with it`, 'renewal'],
    ])('%s', async (_, first) => {
      const person = await registerUser()
      const { access_token: token, session } = await signIn(person)
      const other = await signIn(person)
      const requests = {
        renewal: () => renew(person, token, 0),
        end: () => clientAt(1).delete(`/v1/sessions/${session.id}`, other.access_token),
      }
      await admin.query('begin')
      await admin.query('select from sessions where id = $1 for update', [session.id])
      const one = requests[first === 'end' ? 'end' : 'renewal']()
      await waitingForLocks(place.url, 1)
      const two = requests[first === 'end' ? 'renewal' : 'end']()
      await waitingForLocks(place.url, 2)
      await admin.query('commit')
      const [ended, renewed] = first === 'end' ? [await one, await two] : [await two, await one]
      const row = (await sessionsOf(admin, person.id)).find(({ id }) => id === session.id)
      if (first === 'end') {
        expect([ended.status, codesOf([renewed])]).toEqual([204, ['session_ended']])
        expect(row).toMatchObject({ ...endedOnce('terminated'), generation: 0 })
        return
      }
      expect(renewed.status).toBe(200)
      // A change of the password has ended the other session, too.
      if (name === 'a change of the password') return
      expect(ended.status).toBe(204)
      expect(row).toMatchObject({ generation: 1, end_reason: 'terminated', ends: 1 })
      const late = await clientAt(0).refresh(tokensOf(renewed).refresh_token)
      expect(codesOf([late])).toEqual(['session_ended'])
    })
  })

  test('of two requests that enter the password again with one token, only the first gets tokens', async () => {
    for (let round = 0; round < rounds; round += 1) {
      const person = await registerUser()
      const { access_token: token } = await signIn(person)
      const body = { current_password: person.password }
      const attempt = (at: number) => clientAt(at).post('/v1/sessions/current/reauthenticate', body, token)
      const responses = await Promise.all(times(4, attempt))
      const renewed = responses.filter(({ status }) => status === 200)
      expect(renewed).toHaveLength(1)
      for (const code of codesOf(responses)) expect(['unavailable', 'invalid_access_token']).toContain(code)
      expect(await sessionsOf(admin, person.id)).toMatchObject([{ generation: 1, end_reason: null }])
      const { access_token: own } = tokensOf(renewed[0] as ApiResponse)
      expect((await clientAt(round).get('/v1/users/me', own)).status).toBe(200)
    }
  })

  test(
    'a session started with the old password does not survive a concurrent password change',
    { tags: ['SIGN-IN-19'], timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await registerUser()
        const { username, password } = person
        const { access_token: token, session: own } = await signIn(person)
        const renewed = `pw ${randomUUID()}`
        const change = () =>
          clientAt(round).put(
            '/v1/users/me/password',
            { current_password: password, new_password: renewed },
            token,
          )
        const attempt = (at: number) => clientAt(at).post('/v1/sessions', { username, password })
        const [early, changed, late] = await Promise.all([
          // Only three sign-ins, so that none displaces the session that changes the password.
          Promise.all(times(round % 4, attempt)),
          change(),
          Promise.all(times(3 - (round % 4), attempt)),
        ])
        expect(changed.status).toBe(200)
        const responses = [...early, ...late]
        expect([[], ['invalid_credentials']]).toContainEqual(codesOf(responses))

        expect(liveOf(await sessionsOf(admin, person.id)).map(({ id }) => id)).toEqual([own.id])
        for (const signedIn of responses.filter(({ status }) => status === 201)) {
          const response = await clientAt(round).refresh(tokensOf(signedIn).refresh_token)
          expect(response.body).toMatchObject({ code: 'session_ended', reason: 'password_changed' })
        }
        expect(await attempt(round)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
        await signIn({ ...person, password: renewed })
      }
    },
  )

  test('a session started during a ban does not survive it', { timeout: timeoutFor(rounds) }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const person = await registerUser()
      const { username, password } = person
      const attempt = (at: number) => clientAt(at).post('/v1/sessions', { username, password })
      const options = { ...asOperator(), body: { reason: 'for the test' } }
      const [early, banned, late] = await Promise.all([
        // The first sign-in completes before, so that the ban races the others.
        attempt(0).then(() => Promise.all(times(3, attempt))),
        attempt(1).then(() => operatorAt(round).request('POST', `/v1/users/${person.id}/disable`, options)),
        Promise.all(times(2, attempt)),
      ])
      expect(banned.status).toBe(204)
      expect([[], ['user_disabled']]).toContainEqual(codesOf([...early, ...late]))
      expect(liveOf(await sessionsOf(admin, person.id))).toEqual([])

      await operatorAt(round).request('POST', `/v1/users/${person.id}/enable`, asOperator())
      expect(liveOf(await sessionsOf(admin, person.id))).toEqual([])
      await signIn(person)
    }
  })

  const barring = [
    {
      what: 'the password is changed',
      code: 'invalid_credentials',
      bar: ({ password }: TestUser, token: string) => {
        const body = { current_password: password, new_password: `pw ${randomUUID()}` }
        return clientAt(0).put('/v1/users/me/password', body, token)
      },
    },
    {
      what: 'the user is banned',
      code: 'user_disabled',
      bar: ({ id }: TestUser) => {
        const options = { ...asOperator(), body: { reason: 'for the test' } }
        return operatorAt(0).request('POST', `/v1/users/${id}/disable`, options)
      },
    },
  ]
  test.each(barring)(
    'a sign-in whose password was checked before $what is refused after it',
    async ({ code, bar }) => {
      const person = await registerUser()
      const { id, username, password } = person
      const { access_token: token } = await signIn(person)
      // All wait for a lock that this test holds. The change is ahead of the sign-ins.
      await admin.query('begin')
      await admin.query('select from users where id = $1 for update', [id])
      const barred = bar(person, token)
      await waitingForLocks(place.url, 1)
      const signIns = times(2, (at) => clientAt(at).post('/v1/sessions', { username, password }))
      await waitingForLocks(place.url, 3)
      await admin.query('commit')

      expect((await barred).status).toBeLessThan(300)
      const responses = await Promise.all(signIns)
      expect(codesOf(responses)).toEqual([code])
      expect(statusesOf(responses)).not.toContain(201)
    },
  )

  test(
    'a name or email address in parallel requests goes to one user only',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const wanted = newUser()
        const [column, code] =
          round % 2 === 0 ? (['username', 'username_taken'] as const) : (['email', 'email_taken'] as const)
        const responses = await Promise.all(
          times(8, (at) => {
            const { username, email, password } = newUser({ [column]: wanted[column] })
            return clientAt(at).post('/v1/users', { username, email, password })
          }),
        )
        expect(responses.map(({ status }) => status).sort()).toEqual([201, ...times(7, () => 409)])
        expect(codesOf(responses)).toEqual([code])
        const { rows } = await admin.query(`select from users where ${column}_key = $1`, [wanted[column]])
        expect(rows).toHaveLength(1)
      }
    },
  )

  test(
    'a replay during legitimate refreshes ends the session exactly once',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await registerUser()
        const first = await signIn(person)
        const second = tokensOf(await clientAt(0).refresh(first.refresh_token))
        const third = tokensOf(await clientAt(1).refresh(second.refresh_token))

        const [rightful, replayed] = await Promise.all([
          Promise.all(times(8, (at) => clientAt(at).refresh(third.refresh_token))),
          Promise.all(times(4, (at) => clientAt(at + round).refresh(first.refresh_token))),
        ])
        expect([[], ['session_ended']]).toContainEqual(codesOf(rightful))
        expect(statusesOf(replayed)).toEqual([401])
        const noticed = replayed.filter(
          ({ body }) => (body as { code: string }).code === 'refresh_token_reused',
        )
        expect(noticed).toHaveLength(1)

        expect(await sessionOf(person, first)).toMatchObject({
          ...endedOnce('refresh_token_reused'),
          alarms: 1,
        })
        const successor = rightful.find(({ status }) => status === 200)
        for (const { refresh_token: token } of successor ? [third, tokensOf(successor)] : [third]) {
          const response = await clientAt(round).refresh(token)
          expect(response.body).toMatchObject({ code: 'session_ended', reason: 'refresh_token_reused' })
        }
      }
    },
  )

  test('receipts written while passwords change and sessions end cause no error', async () => {
    const person = await registerUser()
    let { password } = person
    const sessions = await Promise.all(times(4, () => signIn(person)))
    for (let round = 0; round < rounds; round += 1) {
      const at = round % sessions.length
      const refreshed = await Promise.all(
        sessions.map(({ refresh_token: token }) => clientAt(round).refresh(token)),
      )
      expect(statusesOf(refreshed)).toEqual([200])
      sessions.splice(0, sessions.length, ...refreshed.map(tokensOf))
      const renewed = `pw ${randomUUID()}`
      const body = { current_password: password, new_password: renewed }
      const [seen, changed] = await Promise.all([
        Promise.all(
          sessions.map(({ access_token: token }, index) => clientAt(index).get('/v1/users/me', token)),
        ),
        clientAt(round).put('/v1/users/me/password', body, sessions[at]?.access_token),
      ])
      expect(changed.status).toBe(200)
      const refusals = [
        [],
        ['session_ended'],
        ['invalid_access_token'],
        ['invalid_access_token', 'session_ended'],
      ]
      expect(refusals).toContainEqual(codesOf(seen))
      password = renewed
      const kept = tokensOf(changed)
      const again = await Promise.all(times(3, () => signIn({ ...person, password })))
      sessions.splice(0, sessions.length, kept, ...again)
    }
  })
})

describe('instances that come and go', () => {
  const places: { remove: () => Promise<void> }[] = []
  afterEach(async () => {
    await Promise.all(started.splice(0).map((service) => service.kill()))
    await Promise.all(places.splice(0).map((place) => place.remove()))
  })

  async function newPlace() {
    const place = await migratedDatabase()
    places.push(place)
    return place
  }

  const keysOf = async (service: ServiceProcess): Promise<string[]> => {
    const response = await service.client().get('/.well-known/jwks.json')
    return (response.body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
  }

  /** Checks that the service accepts both tokens. Returns the next pair. */
  async function accepts(service: ServiceProcess, tokens: Tokens): Promise<Tokens> {
    expect(await service.client().get('/v1/users/me', tokens.access_token)).toMatchObject({ status: 200 })
    const refreshed = await service.client().refresh(tokens.refresh_token)
    expect(refreshed).toMatchObject({ status: 200, body: { session: { id: tokens.session.id } } })
    return tokensOf(refreshed)
  }

  test('four instances that start together on an empty database share one signing key', async () => {
    const result = recordFault('four instances start together on an empty database')
    const { url, drop } = await createTestDatabase()
    places.push({ remove: drop })
    const { settings } = await newPlace()
    const services = await startAll(...times(4, () => ({ ...settings, DATABASE_URL: url })))
    const published = await Promise.all(services.map(keysOf))
    expect(published[0]).toHaveLength(1)
    expect(new Set(published.flat()).size).toBe(1)

    const person = await services[0]?.client().register()
    if (person === undefined) throw new Error('four services are expected')
    for (const issuer of services) {
      let tokens = await issuer.client().signIn(person)
      for (const service of services) tokens = await accepts(service, tokens)
    }
    Object.assign(result, { rounds: 1, injected: 4, acknowledged: services.length * (services.length + 1) })
    await stopAll()
  })

  test('two instances that create the first key at the same moment create one', async () => {
    const { url, settings } = await newPlace()
    const admin = new pg.Client(url)
    await admin.connect()
    await admin.query('begin')
    await admin.query('lock table signing_keys in exclusive mode')
    const starting = startAll(settings, settings)
    await waitingForLocks(url, 2)
    await admin.query('commit')
    const published = await Promise.all((await starting).map(keysOf))
    expect(published[0]).toHaveLength(1)
    expect(published[1]).toEqual(published[0])
    await admin.end()
    await stopAll()
  })

  test('a restart forgets neither a replay nor a lost response', { tags: ['SESSION-5'] }, async () => {
    const { settings } = await newPlace()
    const [before] = await startAll(settings)
    if (before === undefined) throw new Error('a service is expected')
    const client = before.client()
    const person = await client.register()
    const replayed = await client.signIn(person)
    const second = tokensOf(await client.refresh(replayed.refresh_token))
    await client.refresh(second.refresh_token)
    const lost = await client.signIn(person)
    const unanswered = tokensOf(await client.refresh(lost.refresh_token))
    await stopAll()

    const [after] = await startAll(settings)
    const again = await after?.client().refresh(lost.refresh_token)
    expect(again).toMatchObject({ status: 200, body: { refresh_token: unanswered.refresh_token } })
    const replay = await after?.client().refresh(replayed.refresh_token)
    expect(replay).toMatchObject({ status: 401, body: { code: 'refresh_token_reused' } })
    await stopAll()
  })

  const OLD = 'the old secret of the tests that is long enough'
  const NEW = 'the new secret of the tests that is long enough'

  test('replacing AUTH_SECRET signs nobody out', { tags: ['TOKEN-19'] }, async () => {
    const { url, settings } = await newPlace()
    const [old] = await startAll({ ...settings, AUTH_SECRET: OLD })
    if (old === undefined) throw new Error('a service is expected')
    const person = await old.client().register()
    const tokens = await old.client().signIn(person)
    const keys = await keysOf(old)
    const admin = new pg.Client(url)
    await admin.connect()
    const encrypted = async () =>
      (await admin.query<{ sealed_private_key: string }>('select sealed_private_key from signing_keys')).rows
    const encryptedOld = await encrypted()
    await stopAll()

    const [between] = await startAll({ ...settings, AUTH_SECRET: NEW, AUTH_SECRET_PREVIOUS: OLD })
    if (between === undefined) throw new Error('a service is expected')
    expect(await keysOf(between)).toEqual(keys)
    expect(await encrypted()).not.toEqual(encryptedOld)
    const next = await accepts(between, tokens)
    await stopAll()

    const [fresh] = await startAll({ ...settings, AUTH_SECRET: NEW })
    if (fresh === undefined) throw new Error('a service is expected')
    expect(await keysOf(fresh)).toEqual(keys)
    await accepts(fresh, next)
    const late = await fresh.client().refresh(tokens.refresh_token)
    expect(late).toMatchObject({ status: 401, body: { code: 'invalid_refresh_token' } })
    await admin.end()
    await stopAll()
  })

  test('instances with the old and the new AUTH_SECRET accept each other’s tokens', async () => {
    const { url, settings } = await newPlace()
    const oldSettings = { ...settings, AUTH_SECRET: OLD, AUTH_SECRET_PREVIOUS: NEW }
    const newSettings = { ...settings, AUTH_SECRET: NEW, AUTH_SECRET_PREVIOUS: OLD }
    const services = [...(await startAll(oldSettings)), ...(await startAll(newSettings))]
    const keys = await Promise.all(services.map(keysOf))
    expect(keys[0]).toHaveLength(1)
    expect(keys[1]).toEqual(keys[0])

    const person = await services[0]?.client().register()
    if (person === undefined) throw new Error('two services are expected')
    for (const issuer of services) {
      let tokens = await issuer.client().signIn(person)
      for (const service of [...services, ...services]) tokens = await accepts(service, tokens)

      const presented = tokens.refresh_token
      const responses = await Promise.all(
        times(16, (at) => (services[at % 2] as ServiceProcess).client().refresh(presented)),
      )
      expect(statusesOf(responses)).toEqual([200])
      // Each instance authenticates the successor with its own secret. All successors are of the next generation.
      const successors = new Set(responses.map((response) => tokensOf(response).refresh_token))
      expect(successors.size).toBeLessThanOrEqual(2)
      const admin = new pg.Client(url)
      await admin.connect()
      const session = (await sessionsOf(admin, person.id)).find(({ id }) => id === tokens.session.id)
      expect(session).toMatchObject({ generation: 5, end_reason: null })
      await admin.end()
      for (const successor of successors) {
        expect(await services[0]?.client().refresh(successor)).toMatchObject({ status: 200 })
      }
    }
    // An instance that restarts with the old secret can decrypt the key, whichever secret encrypted it last.
    const [another] = await startAll(oldSettings)
    expect(another && (await keysOf(another))).toEqual(keys[0])
    await stopAll()
  })
})
