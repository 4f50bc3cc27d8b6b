// The responses that a stranger, a neighbour and the owner of an account get in every state of the budgets, over HTTP.
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { ProofChallenge } from '../../../../src/application/ports/proof-of-work.ts'
import { newUser, type ApiResponse, type TestUser } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import { solve } from '../../../support/solve-challenge.ts'

/** Attempts without a wait, as set in application/attempt-budgets.ts. */
const FREE = { pair: 10, account: 20, network: 50, successes: 30 }

describe.each(databaseNames)('attempts that can be bought, on %s', (database) => {
  let service: TestService
  let days = 0

  beforeAll(async () => {
    service = await startTestService(database, { REGISTRATIONS_PER_NETWORK: '3' })
    service.clock.stop()
  })
  beforeEach(() => {
    days += 1
    service.clock.advance({ days: 1 })
  })
  afterAll(() => service.stop())

  /** Addresses that no other test uses. */
  const address = (number: number) => `203.0.${days}.${number}`
  const signIn = (
    { username, password }: { username: string; password: string },
    from: string,
    more: object = {},
  ) => service.client(from).post('/v1/sessions', { username, password, ...more })
  const guess = (username: string, from: string, more: object = {}) =>
    signIn({ username, password: 'a wrong guess' }, from, more)
  const repeat = async (count: number, work: (index: number) => Promise<ApiResponse>) => {
    for (let index = 0; index < count; index += 1) expect((await work(index)).status).toBe(401)
  }
  const challengeOf = ({ status, body }: ApiResponse): ProofChallenge => {
    expect(status).toBe(429)
    expect(body).toMatchObject({ code: 'too_many_attempts', challenge: { parameters: {}, signature: /./ } })
    return (body as { challenge: ProofChallenge }).challenge
  }
  const trySignUp = (from: string, more: object = {}) => {
    const { username, email, password } = newUser()
    return service.client(from).post('/v1/users', { username, email, password, ...more })
  }
  const repeatSignUp = async (from: string, times: number) => {
    for (let count = 0; count < times; count += 1) expect((await trySignUp(from)).status).toBe(201)
  }
  const buy = async (refused: ApiResponse) => ({ proof_of_work: await solve(challengeOf(refused)) })
  const spendNetwork = (from: string) => repeat(FREE.network, () => guess(newUser().username, from))
  const spendAccount = (username: string) =>
    repeat(FREE.account, (index) => guess(username, address(100 + index)))

  test('strangers everywhere cannot lock a user out of a new place', { tags: ['LIMIT-1'] }, async () => {
    const person = await service.client().register()
    await spendAccount(person.username)
    const refused = await signIn(person, address(1))
    expect((await signIn(person, address(1), await buy(refused))).status).toBe(201)
  })

  test('a known device needs no proof, whatever others guess', { tags: ['LIMIT-1'] }, async () => {
    const person = await service.client().register()
    const phone = { device_id: 'the-phone' }
    expect((await signIn(person, address(1), phone)).status).toBe(201)
    await spendAccount(person.username)
    await spendNetwork(address(2))
    expect((await signIn(person, address(2), phone)).status).toBe(201)
    challengeOf(await signIn(person, address(2), { device_id: 'another' }))
  })

  test.each(['/v1/sessions', '/sessions'])(
    'guesses of a neighbour do not refuse users who are known there, at %s',
    { tags: ['LIMIT-2'] },
    async (path) => {
      const office = address(1)
      const known = await service.client().register()
      expect((await signIn(known, office)).status).toBe(201)
      await spendNetwork(office)
      const { username, password } = known
      const again = await service.client(office).post(path, { username, password })
      expect([200, 201]).toContain(again.status)
      const stranger = await service.client().register()
      const refused = await service
        .client(office)
        .post(path, { username: stranger.username, password: stranger.password })
      expect(refused.status).toBe(429)
    },
  )

  test('a stranger behind a shared address buys an attempt', { tags: ['LIMIT-2'] }, async () => {
    const office = address(1)
    await spendNetwork(office)
    const stranger = await service.client().register()
    const refused = await signIn(stranger, office)
    expect((await signIn(stranger, office, await buy(refused))).status).toBe(201)
  })

  test(
    'a network of IPv6 shares the budgets of the /56 and /48 around it',
    { tags: ['LIMIT-3'] },
    async () => {
      const from = (subnet: number) => `2001:db8:${days}:${subnet.toString(16)}::1`
      for (const subnet of [0, 1]) await repeat(50, () => guess(newUser().username, from(subnet)))
      challengeOf(await guess(newUser().username, from(2)))
      for (const subnet of [256, 257]) await repeat(50, () => guess(newUser().username, from(subnet)))
      challengeOf(await guess(newUser().username, from(512)))
      expect((await guess(newUser().username, `2001:db8:${days + 100}::1`)).status).toBe(401)
    },
  )

  test('sign-ups count for the /56 and /48 around a network of IPv6', { tags: ['LIMIT-3'] }, async () => {
    const from = (subnet: number) => `2001:db8:${days}:${subnet.toString(16)}::1`
    const signUp = (subnet: number, times: number) => repeatSignUp(from(subnet), times)
    await signUp(0, 3)
    await signUp(1, 3)
    challengeOf(await trySignUp(from(2)))
    await signUp(256, 3)
    await signUp(257, 3)
    challengeOf(await trySignUp(from(512)))
    expect((await trySignUp(`2001:db8:${days + 100}::1`)).status).toBe(201)
  })

  describe('what a stranger sees', () => {
    /** All of a response that may differ between two requests, with random parts left out. */
    const seen = ({ status, headers, body }: ApiResponse) => {
      const { request_id, challenge, ...problem } = body as Record<string, unknown>
      expect(request_id).toEqual(expect.any(String))
      const parameters = (challenge as ProofChallenge | undefined)?.parameters
      const { nonce, salt, ...puzzle } = parameters ?? {}
      expect(typeof nonce).toBe(typeof salt)
      const names = [...headers.keys()].sort()
      const lengths = headers.get('content-length')
      return { status, problem, puzzle, names, lengths, retryAfter: headers.get('retry-after') }
    }

    const place = () => address(1)
    /** A user of every kind: unknown, known elsewhere, known at the place of the stranger, and disabled. */
    const kinds = async (): Promise<string[]> => {
      const people: TestUser[] = [newUser()]
      for (let kind = 0; kind < 3; kind += 1) people.push(await service.client().register())
      const [, , here, disabled] = people as [TestUser, TestUser, TestUser, TestUser]
      expect((await signIn(here, place())).status).toBe(201)
      const ban = await service.operator().post(`/v1/users/${disabled.id}/disable`, { reason: 'Spam' })
      expect(ban.status).toBe(204)
      return people.map(({ username }) => username)
    }

    test.each<[string, (usernames: readonly string[]) => Promise<void>]>([
      ['nobody has guessed', () => Promise.resolve()],
      [
        'the stranger has guessed at the names',
        async (usernames) => {
          for (const username of usernames) await repeat(FREE.pair, () => guess(username, place()))
        },
      ],
      [
        'others have guessed at the names',
        async (usernames) => {
          for (const username of usernames) await spendAccount(username)
        },
      ],
      ['the network has no attempts left', () => spendNetwork(place())],
    ])(
      'a wrong password gets the same response for every kind of user when %s',
      { tags: ['LIMIT-4'] },
      async (_, spend) => {
        const usernames = await kinds()
        await spend(usernames)
        for (let round = 0; round < 2; round += 1) {
          const responses: unknown[] = []
          for (const username of usernames) responses.push(seen(await guess(username, place())))
          for (const response of responses) expect(response).toEqual(responses[0])
        }
        const older: unknown[] = []
        for (const username of usernames) {
          older.push(
            seen(await service.client(place()).post('/sessions', { username, password: 'a wrong guess' })),
          )
        }
        for (const response of older) expect(response).toEqual(older[0])
      },
    )

    test('a sign-in of the owner changes nothing that a neighbour sees', { tags: ['LIMIT-4'] }, async () => {
      const [owner, nobody] = [await service.client().register(), newUser()]
      for (const { username } of [owner, nobody]) await repeat(FREE.pair, () => guess(username, place()))
      const before = await guess(owner.username, place())
      expect((await signIn(owner, place(), await buy(before))).status).toBe(201)
      expect(seen(await guess(owner.username, place()))).toEqual(seen(before))
      service.clock.advance({ seconds: 1 })
      expect((await signIn(owner, place())).status).toBe(201)
      for (const { username } of [owner, nobody]) {
        expect((await guess(username, place())).status).toBe(401)
        expect((await guess(username, place())).headers.get('retry-after')).toBe('2')
      }
    })
  })

  test('of 200 parallel guesses from 200 networks 20 are checked', { tags: ['LIMIT-1'] }, async () => {
    const { username } = await service.client().register()
    const responses = await Promise.all(Array.from({ length: 200 }, (_, at) => guess(username, address(at))))
    expect(responses.filter(({ status }) => status === 401)).toHaveLength(FREE.account)
    expect(responses.filter(({ status }) => status === 429)).toHaveLength(200 - FREE.account)
  })

  test('more than 30 sign-ins of a user in an hour count as guesses', { tags: ['LIMIT-10'] }, async () => {
    const [person, other] = [await service.client().register(), await service.client().register()]
    for (let count = 0; count < FREE.successes + FREE.pair; count += 1) {
      expect((await signIn(person, address(1))).status).toBe(201)
    }
    const refused = await signIn(person, address(1))
    expect((await signIn(person, address(1), await buy(refused))).status).toBe(201)
    expect((await signIn(other, address(1))).status).toBe(201)
    service.clock.advance({ hours: 24 })
    expect((await signIn(person, address(1))).status).toBe(201)
  })

  describe('a proof', { tags: ['LIMIT-11'] }, () => {
    let person: TestUser
    const refusal = async (username: string, from: string) => {
      await repeat(FREE.pair, () => guess(username, from))
      return guess(username, from)
    }

    beforeEach(async () => {
      person = await service.client().register()
    })

    test('a proof buys one attempt, also of many at the same time', async () => {
      const bought = await buy(await refusal(person.username, address(1)))
      const responses = await Promise.all(
        Array.from({ length: 20 }, () => guess(person.username, address(1), bought)),
      )
      expect(responses.filter(({ status }) => status === 401)).toHaveLength(1)
      challengeOf(await signIn(person, address(1), bought))
    })

    test('a proof is good for the name and network of its challenge only', async () => {
      const bought = await buy(await refusal(person.username, address(1)))
      const other = await service.client().register()
      await refusal(other.username, address(1))
      challengeOf(await signIn(other, address(1), bought))
      await refusal(person.username, address(2))
      challengeOf(await signIn(person, address(2), bought))
      const { username } = person
      const respelled = { ...person, username: ` ${username.toUpperCase()} `.trim() }
      expect((await signIn(respelled, address(1), bought)).status).toBe(201)
    })

    test('an expired, wrong or malformed proof gets a new challenge', async () => {
      const refused = await refusal(person.username, address(1))
      const bought = await buy(refused)
      service.clock.advance({ seconds: 300 })
      await repeat(1, () => guess(person.username, address(1), bought))
      challengeOf(await signIn(person, address(1), bought))
      const wrong = await solve(challengeOf(await signIn(person, address(1))), 4_000_000_000)
      for (const proof_of_work of ['', 'x', 'e30=', wrong]) {
        challengeOf(await signIn(person, address(1), { proof_of_work }))
      }
    })

    test('a proof buys a sign-up when the network has none left', { tags: ['LIMIT-12'] }, async () => {
      await repeatSignUp(address(1), 3)
      const bought = await buy(await trySignUp(address(1)))
      expect((await trySignUp(address(1), bought)).status).toBe(201)
      challengeOf(await trySignUp(address(1), bought))
    })

    test('the proof of one network buys no sign-up at another', async () => {
      await repeatSignUp(address(1), 3)
      await repeatSignUp(address(2), 3)
      const bought = await buy(await trySignUp(address(1)))
      challengeOf(await trySignUp(address(2), bought))
      expect((await trySignUp(address(1), bought)).status).toBe(201)
    })

    test('the older routes offer no challenge, and keep the budget of name and network', async () => {
      const { username, password } = person
      const older = (from: string, typed = password) =>
        service.client(from).post('/sessions', { username, password: typed })
      await repeat(FREE.pair, () => older(address(1), 'a wrong guess'))
      const refused = await older(address(1))
      expect(refused.status).toBe(429)
      expect(refused.body).not.toHaveProperty('challenge')
      await spendAccount(username)
      expect((await older(address(2))).status).toBe(200)
    })
  })

  test('the example of the documentation signs in with a proof', { tags: ['LIMIT-11'] }, async () => {
    const page = readFileSync(new URL('../../../../../docs/proof-of-work.md', import.meta.url), 'utf8')
    const [, code = ''] = /```js\n(.*?)```/s.exec(page) ?? []
    const { signIn: example } = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as {
      signIn: (url: string, credentials: { username: string; password: string }) => Promise<unknown>
    }
    const person = await service.client().register()
    const { username, password } = person
    // The address of the tests themselves: the example sends no X-Forwarded-For.
    await repeat(FREE.pair, () => guess(username, '127.0.0.1'))
    expect(await example(service.url, { username, password })).toHaveProperty('access_token')
  })
})
