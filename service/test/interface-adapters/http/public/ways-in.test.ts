// Every way in, in every situation: each has the same checks (ASVS 6.3.4). A new way gets a row here.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addAuthenticator, type Enrolled } from '../../../support/authenticator.ts'
import type { ApiResponse, TestClient, TestUser, Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'

interface Account {
  readonly person: TestUser
  /** Of a session that is there already. */
  readonly tokens: Tokens
  readonly factor: Enrolled | undefined
}

interface Attempt {
  readonly client: TestClient
  readonly account: Account
  /** The secret of the way is wrong: the password, or in ways with a factor the code. */
  readonly isWrong?: boolean
  /** Happens before the last request of the way. */
  readonly meanwhile?: () => Promise<unknown>
}

interface Way {
  readonly hasFactor: boolean
  readonly enter: (attempt: Attempt) => Promise<ApiResponse>
}

const passwordOf = ({ account: { person }, isWrong = false }: Attempt) => ({
  username: person.username,
  password: isWrong ? 'not the password' : person.password,
})

const inOneStep =
  (path: string) =>
  async (attempt: Attempt): Promise<ApiResponse> => {
    await attempt.meanwhile?.()
    return attempt.client.post(path, passwordOf(attempt))
  }

const withFactor =
  (codeOf: (factor: Enrolled, isWrong: boolean) => object) =>
  async ({ client, account, meanwhile, isWrong = false }: Attempt): Promise<ApiResponse> => {
    const begun = await client.post('/v1/sessions', passwordOf({ client, account }))
    if (begun.status !== 200) return begun
    await meanwhile?.()
    const { challenge } = begun.body as { challenge: string }
    if (account.factor === undefined) throw new Error('no factor')
    return client.post('/v1/sessions/challenges/complete', { challenge, ...codeOf(account.factor, isWrong) })
  }

/** The result of each situation: `ok`, or the code of the refusal. */
type Outcomes = Record<keyof typeof situations, string>

/** A situation makes the attempt and returns the last response. */
const situations = {
  'the address is not verified': ({ way, attempt }: Given) => way.enter(attempt),
  'the address is verified': async ({ way, attempt, verify }: Given) => {
    await verify()
    return way.enter(attempt)
  },
  'disabled before': async ({ way, attempt, disable }: Given) => {
    await disable()
    return way.enter(attempt)
  },
  'disabled meanwhile': ({ way, attempt, disable }: Given) => way.enter({ ...attempt, meanwhile: disable }),
  'deleted before': async ({ way, attempt, remove }: Given) => {
    await remove()
    return way.enter(attempt)
  },
  'deleted meanwhile': ({ way, attempt, remove }: Given) => way.enter({ ...attempt, meanwhile: remove }),
  'a wrong secret': ({ way, attempt }: Given) => way.enter({ ...attempt, isWrong: true }),
  'a wrong secret, disabled': async ({ way, attempt, disable }: Given) => {
    await disable()
    return way.enter({ ...attempt, isWrong: true })
  },
  'over budget': async ({ way, attempt }: Given) => {
    for (let guess = 0; guess < 10; guess += 1) await way.enter({ ...attempt, isWrong: true })
    return way.enter(attempt)
  },
  'a new password meanwhile': ({ way, attempt, changePassword }: Given) =>
    way.enter({ ...attempt, meanwhile: changePassword }),
  'factors removed meanwhile': ({ way, attempt, removeFactors }: Given) =>
    way.enter({ ...attempt, meanwhile: removeFactors }),
  'five minutes later': ({ way, attempt, pass }: Given) =>
    way.enter({ ...attempt, meanwhile: () => pass(300) }),
  'the same secret again': async ({ way, attempt }: Given) => {
    await way.enter(attempt)
    return way.enter(attempt)
  },
}

interface Given {
  readonly way: Way
  readonly attempt: Attempt
  readonly disable: () => Promise<unknown>
  readonly verify: () => Promise<unknown>
  readonly remove: () => Promise<unknown>
  readonly changePassword: () => Promise<unknown>
  readonly removeFactors: () => Promise<unknown>
  readonly pass: (seconds: number) => Promise<void>
}

const withPassword: Outcomes = {
  'the address is verified': 'ok',
  'the address is not verified': 'ok',
  'disabled before': 'user_disabled',
  'disabled meanwhile': 'user_disabled',
  'deleted before': 'invalid_credentials',
  'deleted meanwhile': 'invalid_credentials',
  'a wrong secret': 'invalid_credentials',
  'a wrong secret, disabled': 'invalid_credentials',
  'over budget': 'too_many_attempts',
  'a new password meanwhile': 'invalid_credentials',
  'factors removed meanwhile': 'ok',
  'five minutes later': 'ok',
  'the same secret again': 'ok',
}

const withCode: Outcomes = {
  ...withPassword,
  'deleted meanwhile': 'challenge_gone',
  'a wrong secret': 'invalid_code',
  'a wrong secret, disabled': 'user_disabled',
  'a new password meanwhile': 'challenge_gone',
  'factors removed meanwhile': 'challenge_gone',
  'five minutes later': 'challenge_gone',
  'the same secret again': 'invalid_code',
}

/** The right password leads to a refusal. */
const refusing: Outcomes = {
  ...withPassword,
  'the address is verified': 'second_factor_required',
  'the address is not verified': 'second_factor_required',
  'five minutes later': 'second_factor_required',
  'the same secret again': 'second_factor_required',
}

describe.each(databaseNames)('the ways in, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const ways: Record<string, [way: Way, outcomes: Outcomes]> = {
    'a password': [{ hasFactor: false, enter: inOneStep('/v1/sessions') }, withPassword],
    'a password on an older route': [{ hasFactor: false, enter: inOneStep('/sessions') }, withPassword],
    'a password and a code': [
      {
        hasFactor: true,
        enter: withFactor(({ authenticator }, isWrong) => ({
          code: isWrong ? '000000' : authenticator.codeAt(service.clock.now()),
        })),
      },
      withCode,
    ],
    'a password and a recovery code': [
      {
        hasFactor: true,
        enter: withFactor(({ recoveryCodes }, isWrong) => ({
          recovery_code: isWrong ? 'Z'.repeat(24) : recoveryCodes[0],
        })),
      },
      withCode,
    ],
    'a password on an older route, with a factor': [
      { hasFactor: true, enter: inOneStep('/sessions') },
      refusing,
    ],
  }
  const cells = Object.entries(ways).flatMap(([name, [way, outcomes]]) =>
    (Object.keys(situations) as (keyof Outcomes)[]).map((situation) => ({
      name,
      way,
      situation,
      outcome: outcomes[situation],
    })),
  )

  async function anAccount(hasFactor: boolean): Promise<Account> {
    const client = service.client()
    const person = await client.register()
    const tokens = await client.signIn(person)
    if (!hasFactor) return { person, tokens, factor: undefined }
    const factor = await addAuthenticator(client, tokens, () => service.clock.now())
    // The code that confirmed it is used.
    service.clock.advance({ seconds: 30 })
    return { person, factor, tokens: factor.tokens }
  }

  async function given(way: Way): Promise<Given> {
    const account = await anAccount(way.hasFactor)
    const { person, tokens } = account
    const { access_token: token } = tokens
    const operator = service.operator()
    const current_password = person.password
    const owner = service.client()
    return {
      way,
      attempt: { account, client: service.client() },
      disable: () => operator.post(`/v1/users/${person.id}/disable`, { reason: 'Spam' }),
      verify: () =>
        service.service.db
          .updateTable('users')
          .set({ email_verified: true })
          .where('id', '=', person.id)
          .execute(),
      remove: () => owner.request('DELETE', '/v1/users/me', { body: { current_password }, token }),
      changePassword: () =>
        owner.put('/v1/users/me/password', { current_password, new_password: 'plum-kettle-orbit-92' }, token),
      removeFactors: () => operator.delete(`/v1/users/${person.id}/factors`),
      pass: (seconds) => {
        service.clock.advance({ seconds })
        return Promise.resolve()
      },
    }
  }

  const outcomeOf = ({ status, body }: ApiResponse): string =>
    status < 300 ? 'ok' : (body as { code: string }).code

  const sessionsOf = async ({ person }: Account): Promise<number> =>
    Number(
      (
        await service.service.db
          .selectFrom('sessions')
          .select((count) => count.fn.countAll().as('count'))
          .where('user_id', '=', person.id)
          .executeTakeFirstOrThrow()
      ).count,
    )

  test.each(cells)(
    '$name, $situation: $outcome',
    { tags: ['SIGN-IN-18', 'FACTOR-3'] },
    async ({ way, situation, outcome }) => {
      const start = await given(way)
      const { account } = start.attempt
      const before = await sessionsOf(account)
      const response = await situations[situation](start)
      expect(outcomeOf(response)).toBe(outcome)
      const hasTokens = JSON.stringify(response.body).includes('_token"')
      expect(hasTokens).toBe(outcome === 'ok')
      const isTwice = situation === 'the same secret again' && outcome !== 'second_factor_required'
      const started = (outcome === 'ok' ? 1 : 0) + (isTwice ? 1 : 0)
      expect((await sessionsOf(account)) - before).toBe(started)
    },
  )

  test(
    'a wrong password gets the same response with and without a factor',
    { tags: ['SIGN-IN-11'] },
    async () => {
      const bodies: unknown[] = []
      for (const hasFactor of [true, false]) {
        const { person } = await anAccount(hasFactor)
        const { username } = person
        const response = await service
          .client()
          .post('/v1/sessions', { username, password: 'not the password' })
        const body = { ...(response.body as object), request_id: 'another each time' }
        const headers = [...response.headers.keys()].toSorted()
        bodies.push([response.status, body, headers])
      }
      expect(bodies[0]).toEqual(bodies[1])
    },
  )

  const completions = async (calls: { challenge: string; code?: string; recovery_code?: string }[]) => {
    const responses = await Promise.all(
      calls.map((body) => service.client().post('/v1/sessions/challenges/complete', body)),
    )
    return responses.map(outcomeOf).toSorted()
  }
  const challengeOf = async ({ person: { username, password } }: Account) => {
    const { body } = await service.client().post('/v1/sessions', { username, password })
    return (body as { challenge: string }).challenge
  }
  const enrolled = async () => {
    const account = await anAccount(true)
    if (account.factor === undefined) throw new Error('no factor')
    const code = account.factor.authenticator.codeAt(service.clock.now())
    const challenges = await Promise.all(Array.from({ length: 5 }, () => challengeOf(account)))
    const [challenge = ''] = challenges
    return { code, challenge, challenges, recoveryCodes: account.factor.recoveryCodes }
  }
  const four = (code: string) => Array<string>(4).fill(code)

  test('of parallel uses of one code one signs in', { tags: ['FACTOR-2'] }, async () => {
    const { code, challenges } = await enrolled()
    const outcomes = await completions(challenges.map((challenge) => ({ challenge, code })))
    expect(outcomes).toEqual([...four('invalid_code'), 'ok'])
  })

  test('of parallel uses of one recovery code one signs in', { tags: ['FACTOR-4'] }, async () => {
    const { challenges, recoveryCodes } = await enrolled()
    const recovery_code = recoveryCodes[0] ?? ''
    const outcomes = await completions(challenges.map((challenge) => ({ challenge, recovery_code })))
    expect(outcomes).toEqual([...four('invalid_code'), 'ok'])
  })

  test('of parallel uses of one challenge one signs in', { tags: ['FACTOR-3'] }, async () => {
    const { challenge, recoveryCodes } = await enrolled()
    const codes = recoveryCodes.slice(0, 5)
    const outcomes = await completions(codes.map((recovery_code) => ({ challenge, recovery_code })))
    expect(outcomes).toEqual([...four('challenge_gone'), 'ok'])
  })
})
