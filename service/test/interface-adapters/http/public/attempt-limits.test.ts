import { randomInt } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newUser, type ApiResponse, type TestUser } from '../../../support/test-client.ts'
import {
  databaseNames,
  startTestService,
  withoutMail,
  type TestService,
} from '../../../support/test-service.ts'
import { expectProblem, expectRefusedFields } from '../../../support/http-expectations.ts'

/** Attempts without a wait, as set in application/attempt-budgets.ts. */
const FREE = { account: 10, network: 50, registration: 20 }

describe.each(databaseNames)('attempt limits, on %s', (database) => {
  let service: TestService
  let place: string

  beforeAll(async () => {
    service = await startTestService(database, withoutMail)
    service.clock.stop()
  })
  beforeEach(() => {
    service.clock.advance({ days: 1 })
    place = `198.18.${randomInt(256)}.${randomInt(256)}`
  })
  afterAll(() => service.stop())

  const guess = (username: string, from = place, device_id?: string) =>
    service.client(from).post('/v1/sessions', { username, password: 'a wrong guess', device_id })
  const guesses = async (count: number, username: string, from?: string, device_id?: string) => {
    for (let at = 0; at < count; at += 1) {
      expectProblem(await guess(username, from, device_id), 'invalid_credentials')
    }
  }
  const expectWait = (response: ApiResponse, seconds: number) => {
    const { challenge } = response.body as { challenge: unknown }
    expectProblem(response, 'too_many_attempts', {
      challenge,
      detail: expect.stringContaining('proof_of_work'),
    })
    expect(response.headers.get('retry-after')).toBe(String(seconds))
  }

  test('of 200 parallel guesses only the free attempts are checked', { tags: ['SIGN-IN-13'] }, async () => {
    const { username } = await service.client().register()
    const responses = await Promise.all(Array.from({ length: 200 }, () => guess(username)))
    const looked = responses.filter(({ status }) => status === 401)
    const refused = responses.filter(({ status }) => status === 429)
    expect([looked.length, refused.length]).toEqual([FREE.account, 200 - FREE.account])
    for (const response of refused) expectWait(response, 1)
  })

  test(
    'waits double up to 15 minutes, and a refused guess does not extend them',
    { tags: ['SIGN-IN-15'] },
    async () => {
      const { username } = await service.client().register()
      await guesses(FREE.account, username)
      for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
        expectWait(await guess(username), wait)
        expectWait(await guess(username), wait)
        service.clock.advance({ seconds: wait - 1 })
        expectWait(await guess(username), 1)
        service.clock.advance({ seconds: 1 })
        expectProblem(await guess(username), 'invalid_credentials')
      }
    },
  )

  test('the right password is refused until the wait is over, and then resets no count', async () => {
    const person = await service.client().register()
    const { username, password } = person
    await guesses(FREE.account, username)
    expectWait(await service.client(place).post('/v1/sessions', { username, password }), 1)
    service.clock.advance({ seconds: 1 })
    await service.client(place).signIn(person)
    await service.client(place).signIn(person)
    expectProblem(await guess(username), 'invalid_credentials')
    expectWait(await guess(username), 2)
  })

  test('a day without a guess resets the attempts', async () => {
    const { username } = await service.client().register()
    await guesses(FREE.account, username)
    service.clock.advance({ days: 1 })
    await guesses(FREE.account, username)
  })

  test('an unknown name has the same attempt limit', async () => {
    const { username } = newUser()
    await guesses(FREE.account, username)
    expectWait(await guess(username), 1)
  })

  test('every spelling of a name shares one attempt budget', async () => {
    const { username } = await service.client().register()
    await guesses(FREE.account - 1, username)
    expectProblem(await guess(username.toUpperCase()), 'invalid_credentials')
    expectWait(await guess(username), 1)
  })

  test(
    'guesses from elsewhere do not block a user on another network or a known device',
    { tags: ['SIGN-IN-15'] },
    async () => {
      const person = await service.client().register()
      const { username } = person
      await service.client().signIn(person, { device_id: 'the-phone' })
      await guesses(FREE.account, username)
      expectWait(await guess(username), 1)
      await service.client('203.0.113.77').signIn(person)
      await service.client(place).signIn(person, { device_id: 'the-phone' })
    },
  )

  test('invented device ids give no additional guesses', async () => {
    const { username } = await service.client().register()
    for (let at = 0; at < FREE.account; at += 1) {
      expectProblem(await guess(username, undefined, `invented-${at}`), 'invalid_credentials')
    }
    expectWait(await guess(username, undefined, 'invented-more'), 1)
  })

  test(
    'guesses at many users from one network are limited, in any spelling of its address',
    { tags: ['SIGN-IN-14'] },
    async () => {
      const spellings = [
        '2001:db8:1:2::1',
        '2001:0DB8:0001:0002:0000:0000:0000:0001',
        '2001:db8:1:2:ffff:ffff:ffff:ffff',
        '2001:db8:1:2::192.0.2.1',
        '2001:db8:1:2:0:0:0:9%eth0',
      ]
      const from = (at: number) => spellings[at % spellings.length]
      for (let at = 0; at < FREE.network; at += 1) {
        expectProblem(await guess(newUser().username, from(at)), 'invalid_credentials')
      }
      for (let at = 0; at < spellings.length; at += 1)
        expectWait(await guess(newUser().username, from(at)), 1)
      expectProblem(await guess(newUser().username, '2001:db8:1:3::1'), 'invalid_credentials')
    },
  )

  test(
    'guesses at many users from one network do not block a device that signed in before',
    { tags: ['SIGN-IN-15'] },
    async () => {
      const person = await service.client().register()
      const office = '203.0.113.206'
      await service.client().signIn(person, { device_id: 'the-phone' })
      for (let at = 0; at < FREE.network; at += 1) {
        expectProblem(await guess(newUser().username, office), 'invalid_credentials')
      }
      expectWait(await guess(newUser().username, office), 1)
      expectWait(await guess(person.username, office, 'another-phone'), 1)
      await service.client(office).signIn(person, { device_id: 'the-phone' })
      await guesses(FREE.account, person.username, office, 'the-phone')
      expectWait(await guess(person.username, office, 'the-phone'), 1)
    },
  )

  test('an IPv4 address and its IPv6-mapped form share one attempt budget', async () => {
    for (let at = 0; at < FREE.network; at += 1) {
      const from = at % 2 === 0 ? '203.0.113.201' : '::ffff:203.0.113.201'
      expectProblem(await guess(newUser().username, from), 'invalid_credentials')
    }
    expectWait(await guess(newUser().username, '::FFFF:CB00:71C9'), 1)
    expectProblem(await guess(newUser().username, '203.0.113.202'), 'invalid_credentials')
  })

  test('successful sign-ins from one network are not limited', async () => {
    const people = [await service.client().register(), await service.client().register()]
    const office = service.client('203.0.113.203')
    for (let at = 0; at < FREE.network + 5; at += 1) await office.signIn(people[at % 2] as TestUser)
  })

  test('a malformed X-Forwarded-For does not change the response to a sign-in', async () => {
    const odd = [
      "'; drop table users; --",
      'unknown',
      '999.1.1.1',
      '::',
      '[::1]:80',
      '1.2.3.4:5678',
      ' , ,',
      'fe80::1%25',
      'x'.repeat(4000),
    ]
    for (const from of odd) {
      const person = await service.client().register()
      const { session } = (await service.client(from).signIn(person)) as { session: { ip?: string } }
      expect(session.ip).toMatch(/^[0-9a-f:.]+$/)
    }
  })

  test('a port added by a proxy is not part of the client address', async () => {
    for (const [from, address] of [
      ['203.0.113.9:4711', '203.0.113.9'],
      ['[2001:db8::9]:4711', '2001:db8::9'],
    ] as const) {
      const person = await service.client().register()
      const { session } = (await service.client(from).signIn(person)) as { session: { ip?: string } }
      expect(session.ip).toBe(address)
    }
  })

  test('sign-ups from one network are limited, with growing waits', async () => {
    const place = service.client('203.0.113.204')
    for (let at = 0; at < FREE.registration; at += 1) await place.register()
    for (const wait of [30, 60, 120]) {
      const { username, email, password } = newUser()
      expectWait(await place.post('/v1/users', { username, email, password }), wait)
      service.clock.advance({ seconds: wait })
      await place.register()
    }
  })

  test(
    'a sign-up with a weak password counts against the limit of sign-ups',
    { tags: ['SIGN-IN-9'] },
    async () => {
      const place = service.client('203.0.113.207')
      const ask = () => place.post('/v1/users', { ...newUser(), password: 'password123' })
      for (let at = 0; at < FREE.registration; at += 1) {
        expectRefusedFields(await ask(), { password: 'too_common' })
      }
      expectWait(await ask(), 30)
    },
  )

  test(
    'a sign-up with a taken address counts against the limit of sign-ups',
    { tags: ['SIGN-IN-24'] },
    async () => {
      const { email } = await service.client().register()
      const place = service.client('203.0.113.205')
      const ask = () => place.post('/v1/users', { ...newUser(), email })
      for (let at = 0; at < FREE.registration; at += 1) expectProblem(await ask(), 'email_taken')
      expectWait(await ask(), 30)
    },
  )

  test('the names tried at sign-in are stored only as digests', async () => {
    const { username } = newUser()
    await guess(username)
    const rows = await service.service.db.selectFrom('attempts').select('key').execute()
    expect(rows.every(({ key }) => key.length === 32)).toBe(true)
  })
})
