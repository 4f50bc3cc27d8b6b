// Two real processes on a real PostgreSQL, and everything at once.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { tallyFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import { waitingForLocks } from '../support/lock-waits.ts'
import { seededRandom } from '../support/seeded-random.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { createTestDatabase } from '../support/test-database.ts'
import { newPerson, TestClient, type Answer, type Person, type Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const rounds = faultRounds(5, 1 / 10)

const started: ServiceProcess[] = []

/** Of any number, each of which is killed after its test unless it was stopped. */
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
const statusesOf = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))].sort()
const codesOf = (answers: readonly Answer[]) => {
  const refused = answers.filter(({ status }) => status >= 400)
  return [...new Set(refused.map(({ body }) => (body as { code: string }).code))].sort()
}
const tokensOf = ({ body }: Answer) => body as Tokens

/** One race more. */
function count(tally: ReturnType<typeof tallyFault>, answers: readonly Answer[]): void {
  tally.rounds += 1
  tally.injected += 1
  tally.acknowledged += answers.filter(({ status }) => status < 300).length
}

interface SessionRow {
  readonly id: string
  readonly generation: number
  readonly end_reason: string | null
  readonly device_id: string | null
  /** Rows of the revocation log and of the outbox that tell of its end. */
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

  /** A client of one instance and of the other in turn, each at an address of its own. */
  const clientAt = (at: number): TestClient => new TestClient(instances[at % 2]?.url ?? '')
  const operatorAt = (at: number): TestClient => new TestClient(instances[at % 2]?.internalUrl ?? '')
  const asOperator = () => ({ headers: { authorization: `Bearer ${instances[0]?.serviceKey ?? ''}` } })
  const newUser = () => clientAt(0).register()
  const signIn = (person: Person, device = {}) => clientAt(1).signIn(person, device)

  const sessionOf = async ({ id }: Person, { session }: Tokens) =>
    (await sessionsOf(admin, id)).find((one) => one.id === session.id)

  test('64 refreshes of one token at once have one successor', { timeout: timeoutFor(rounds) }, async () => {
    const tally = tallyFault('two instances, one token, 64 at once')
    const person = await newUser()
    let tokens = await signIn(person)
    for (let round = 1; round <= 6 * rounds; round += 1) {
      const answers = await Promise.all(times(64, (at) => clientAt(at).refresh(tokens.refresh_token)))
      count(tally, answers)
      expect(statusesOf(answers)).toEqual([200])
      expect(new Set(answers.map((answer) => tokensOf(answer).refresh_token)).size).toBe(1)
      expect(await sessionOf(person, tokens)).toMatchObject({ generation: round, end_reason: null })
      tokens = tokensOf(answers[0] as Answer)
      // Whether the last successor was seen in use makes no difference inside the window.
      if (round % 2 === 0) await clientAt(round).get('/v1/users/me', tokens.access_token)
    }
  })

  interface Ending {
    readonly reason: string
    /** Ends the session; `other` is one more session of the same person. */
    readonly end: (person: Person, tokens: Tokens, other: Tokens, at: number) => Promise<Answer>
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
   * Refreshes 24 times at once, with the end behind some of them, and goes on with the successor until the end is answered:
   * some ends hash a password first. All of a turn are answered before the next, so that none shows a long spent token.
   */
  async function refreshThrough(first: Tokens, before: number, end: () => Promise<Answer>) {
    let newest = first
    let isOver = false
    const refresh = (at: number) => clientAt(at).refresh(newest.refresh_token)
    const early = times(before, refresh)
    const ending = end().finally(() => (isOver = true))
    const answers: Answer[] = []
    const take = async (turn: readonly Promise<Answer>[]): Promise<void> => {
      const taken = await Promise.all(turn)
      answers.push(...taken)
      const refreshed = taken.find(({ status }) => status === 200)
      if (refreshed !== undefined) newest = tokensOf(refreshed)
    }
    await take([...early, ...times(24 - before, refresh)])
    // A function, since the compiler does not see that the end may come between.
    const isUnderWay = (): boolean => !isOver
    while (isUnderWay()) await take(times(8, refresh))
    return { answers, ended: await ending, newest }
  }

  test.each(endings)(
    'a session that is ended ($reason) while it is refreshed stays ended',
    async ({ reason, end }) => {
      const random = seededRandom()
      const tally = tallyFault('two instances, one token, raced by its end', random.seed)
      onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
      const all: Answer[] = []
      for (let round = 0; round < rounds; round += 1) {
        const person = await newUser()
        const tokens = await signIn(person, { device_id: 'the-device-of-the-test' })
        const other = await signIn(person)
        const { answers, ended, newest } = await refreshThrough(tokens, random.below(24), () =>
          end(person, tokens, other, round),
        )
        expect([201, 204]).toContain(ended.status)
        all.push(...answers)
        count(tally, [...answers, ended])
        expect([[], ['session_ended']]).toContainEqual(codesOf(answers))

        const known = [tokens, newest]
        const later = await Promise.all(
          times(8, (at) => clientAt(at).refresh(known[at % known.length]?.refresh_token ?? '')),
        )
        // Each of them would be an end undone.
        tally.lost += later.filter(({ status }) => status === 200).length
        for (const answer of later) expect(answer.body).toMatchObject({ code: 'session_ended', reason })
        expect(await sessionOf(person, tokens)).toMatchObject({ ...endedOnce(reason), alarms: 0 })
      }
      // And the refreshes did meet the end.
      expect(statusesOf(all)).toEqual([200, 401])
    },
    timeoutFor(rounds),
  )

  test(
    'sign-ins of one device at once leave exactly one live session',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await newUser()
        const { username, password } = person
        const body = { username, password, device_id: 'one-device' }
        const answers = await Promise.all(times(8, (at) => clientAt(at).post('/v1/sessions', body)))
        expect(statusesOf(answers)).toEqual([201])

        const sessions = await sessionsOf(admin, person.id)
        expect(sessions).toHaveLength(8)
        const [live, ...others] = liveOf(sessions)
        expect(others).toEqual([])
        for (const session of sessions)
          if (session !== live) expect(session).toMatchObject(endedOnce('replaced'))
        const refreshed = await Promise.all(
          answers.map((one, at) => clientAt(at).refresh(tokensOf(one).refresh_token)),
        )
        const accepted = refreshed
          .filter(({ status }) => status === 200)
          .map((answer) => tokensOf(answer).session.id)
        expect(accepted).toEqual([live?.id])
        expect(codesOf(refreshed)).toEqual(['session_ended'])
      }
    },
  )

  test(
    'sign-ins at once never leave more sessions than MAX_SESSIONS_PER_USER',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await newUser()
        const { username, password } = person
        const answers = await Promise.all(
          times(8, (at) => clientAt(at).post('/v1/sessions', { username, password })),
        )
        expect(statusesOf(answers)).toEqual([201])
        const sessions = await sessionsOf(admin, person.id)
        expect(liveOf(sessions)).toHaveLength(4)
        const ended = sessions.filter(({ end_reason }) => end_reason !== null)
        for (const session of ended) expect(session).toMatchObject(endedOnce('displaced'))
      }
    },
  )

  test(
    'a sign-in that races a password change never lives on with the old password',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await newUser()
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
          // Three in all, so that none makes room by ending the session that changes the password.
          Promise.all(times(round % 4, attempt)),
          change(),
          Promise.all(times(3 - (round % 4), attempt)),
        ])
        expect(changed.status).toBe(204)
        const answers = [...early, ...late]
        expect([[], ['invalid_credentials']]).toContainEqual(codesOf(answers))

        expect(liveOf(await sessionsOf(admin, person.id)).map(({ id }) => id)).toEqual([own.id])
        for (const signedIn of answers.filter(({ status }) => status === 201)) {
          const answer = await clientAt(round).refresh(tokensOf(signedIn).refresh_token)
          expect(answer.body).toMatchObject({ code: 'session_ended', reason: 'password_changed' })
        }
        expect(await attempt(round)).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } })
        await signIn({ ...person, password: renewed })
      }
    },
  )

  test('a sign-in that races a ban never lives on', { timeout: timeoutFor(rounds) }, async () => {
    for (let round = 0; round < rounds; round += 1) {
      const person = await newUser()
      const { username, password } = person
      const attempt = (at: number) => clientAt(at).post('/v1/sessions', { username, password })
      const options = { ...asOperator(), body: { reason: 'for the test' } }
      const [early, banned, late] = await Promise.all([
        // The first is done before, so that the ban meets the others at work.
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
      bar: ({ password }: Person, token: string) => {
        const body = { current_password: password, new_password: `pw ${randomUUID()}` }
        return clientAt(0).put('/v1/users/me/password', body, token)
      },
    },
    {
      what: 'the person is banned',
      code: 'user_disabled',
      bar: ({ id }: Person) => {
        const options = { ...asOperator(), body: { reason: 'for the test' } }
        return operatorAt(0).request('POST', `/v1/users/${id}/disable`, options)
      },
    },
  ]
  test.each(barring)(
    'sign-ins whose password was found right before $what are refused after it',
    async ({ code, bar }) => {
      const person = await newUser()
      const { id, username, password } = person
      const { access_token: token } = await signIn(person)
      // All wait for a lock that this test holds, the change before the sign-ins.
      await admin.query('begin')
      await admin.query('select from users where id = $1 for update', [id])
      const barred = bar(person, token)
      await waitingForLocks(place.url, 1)
      const signIns = times(2, (at) => clientAt(at).post('/v1/sessions', { username, password }))
      await waitingForLocks(place.url, 3)
      await admin.query('commit')

      expect(await barred).toMatchObject({ status: 204 })
      const answers = await Promise.all(signIns)
      expect(codesOf(answers)).toEqual([code])
      expect(statusesOf(answers)).not.toContain(201)
    },
  )

  test(
    'a name, or an address, that several want at once goes to one of them',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const wanted = newPerson()
        const [column, code] =
          round % 2 === 0 ? (['username', 'username_taken'] as const) : (['email', 'email_taken'] as const)
        const answers = await Promise.all(
          times(8, (at) => {
            const { username, email, password } = newPerson({ [column]: wanted[column] })
            return clientAt(at).post('/v1/users', { username, email, password })
          }),
        )
        expect(answers.map(({ status }) => status).sort()).toEqual([201, ...times(7, () => 409)])
        expect(codesOf(answers)).toEqual([code])
        const { rows } = await admin.query(`select from users where ${column}_key = $1`, [wanted[column]])
        expect(rows).toHaveLength(1)
      }
    },
  )

  test(
    'a replay that races rightful refreshes ends the session once, for all',
    { timeout: timeoutFor(rounds) },
    async () => {
      for (let round = 0; round < rounds; round += 1) {
        const person = await newUser()
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
          const answer = await clientAt(round).refresh(token)
          expect(answer.body).toMatchObject({ code: 'session_ended', reason: 'refresh_token_reused' })
        }
      }
    },
  )

  test('receipts written while passwords change and sessions end cost nobody an error', async () => {
    const person = await newUser()
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
      expect(changed.status).toBe(204)
      expect([[], ['session_ended']]).toContainEqual(codesOf(seen))
      password = renewed
      const kept = sessions[at] as Tokens
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
    const answer = await service.client().get('/.well-known/jwks.json')
    return (answer.body as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
  }

  /** Whether it lets the pair's holder in and on; answers the next pair. */
  async function accepts(service: ServiceProcess, tokens: Tokens): Promise<Tokens> {
    expect(await service.client().get('/v1/users/me', tokens.access_token)).toMatchObject({ status: 200 })
    const refreshed = await service.client().refresh(tokens.refresh_token)
    expect(refreshed).toMatchObject({ status: 200, body: { session: { id: tokens.session.id } } })
    return tokensOf(refreshed)
  }

  test('four that start at once on an empty database agree on one key and take each other’s tokens', async () => {
    const tally = tallyFault('four instances start at once on an empty database')
    const { url, drop } = await createTestDatabase()
    places.push({ remove: drop })
    const { settings } = await newPlace()
    const services = await startAll(...times(4, () => ({ ...settings, DATABASE_URL: url })))
    const published = await Promise.all(services.map(keysOf))
    expect(published[0]).toHaveLength(1)
    expect(new Set(published.flat()).size).toBe(1)

    const person = await services[0]?.client().register()
    if (person === undefined) throw new Error('there are four')
    for (const issuer of services) {
      let tokens = await issuer.client().signIn(person)
      for (const service of services) tokens = await accepts(service, tokens)
    }
    Object.assign(tally, { rounds: 1, injected: 4, acknowledged: services.length * (services.length + 1) })
    await stopAll()
  })

  test('two that come to make the first key at the same moment make one', async () => {
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

  test('a restart forgets neither a replay nor a lost answer', async () => {
    const { settings } = await newPlace()
    const [before] = await startAll(settings)
    if (before === undefined) throw new Error('it started')
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

  test('AUTH_SECRET is exchanged without anybody being signed out', async () => {
    const { url, settings } = await newPlace()
    const [old] = await startAll({ ...settings, AUTH_SECRET: OLD })
    if (old === undefined) throw new Error('it started')
    const person = await old.client().register()
    const tokens = await old.client().signIn(person)
    const keys = await keysOf(old)
    const admin = new pg.Client(url)
    await admin.connect()
    const sealed = async () =>
      (await admin.query<{ sealed_private_key: string }>('select sealed_private_key from signing_keys')).rows
    const sealedOld = await sealed()
    await stopAll()

    const [between] = await startAll({ ...settings, AUTH_SECRET: NEW, AUTH_SECRET_PREVIOUS: OLD })
    if (between === undefined) throw new Error('it started')
    expect(await keysOf(between)).toEqual(keys)
    expect(await sealed()).not.toEqual(sealedOld)
    const next = await accepts(between, tokens)
    await stopAll()

    const [fresh] = await startAll({ ...settings, AUTH_SECRET: NEW })
    if (fresh === undefined) throw new Error('it started')
    expect(await keysOf(fresh)).toEqual(keys)
    await accepts(fresh, next)
    const late = await fresh.client().refresh(tokens.refresh_token)
    expect(late).toMatchObject({ status: 401, body: { code: 'invalid_refresh_token' } })
    await admin.end()
    await stopAll()
  })

  test('instances with the old and the new AUTH_SECRET work side by side', async () => {
    const { url, settings } = await newPlace()
    const oldSettings = { ...settings, AUTH_SECRET: OLD, AUTH_SECRET_PREVIOUS: NEW }
    const newSettings = { ...settings, AUTH_SECRET: NEW, AUTH_SECRET_PREVIOUS: OLD }
    const services = [...(await startAll(oldSettings)), ...(await startAll(newSettings))]
    const keys = await Promise.all(services.map(keysOf))
    expect(keys[0]).toHaveLength(1)
    expect(keys[1]).toEqual(keys[0])

    const person = await services[0]?.client().register()
    if (person === undefined) throw new Error('there are two')
    for (const issuer of services) {
      let tokens = await issuer.client().signIn(person)
      for (const service of [...services, ...services]) tokens = await accepts(service, tokens)

      const presented = tokens.refresh_token
      const answers = await Promise.all(
        times(16, (at) => (services[at % 2] as ServiceProcess).client().refresh(presented)),
      )
      expect(statusesOf(answers)).toEqual([200])
      // Each seals the one successor with its own secret; all of them are the next generation's.
      const successors = new Set(answers.map((answer) => tokensOf(answer).refresh_token))
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
    // An instance that starts anew with the old secret finds the key whoever sealed it last.
    const [another] = await startAll(oldSettings)
    expect(another && (await keysOf(another))).toEqual(keys[0])
    await stopAll()
  })
})
