import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newPerson, type Answer } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectProblem, expectRefusedFields } from './expectations.ts'

/** What costs no wait, and the waits after it: application/attempt-budgets.ts. */
const FREE = { account: 10, network: 50, registration: 20 }

describe.each(databaseNames)('attempt limits, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database)
    service.clock.stop()
  })
  beforeEach(() => service.clock.advance({ days: 1 }))
  afterAll(() => service.stop())

  const guess = (username: string, from?: string, device_id?: string) =>
    service.client(from).post('/v1/sessions', { username, password: 'a wrong guess', device_id })
  const guesses = async (count: number, username: string, from?: string, device_id?: string) => {
    for (let at = 0; at < count; at += 1) {
      expectProblem(await guess(username, from, device_id), 'invalid_credentials')
    }
  }
  const expectWait = (answer: Answer, seconds: number) => {
    expectProblem(answer, 'too_many_attempts')
    expect(answer.headers.get('retry-after')).toBe(String(seconds))
  }

  test('of 200 guesses at once no more than the free ones are looked at', async () => {
    const { username } = await service.client().register()
    const answers = await Promise.all(Array.from({ length: 200 }, () => guess(username)))
    const looked = answers.filter(({ status }) => status === 401)
    const refused = answers.filter(({ status }) => status === 429)
    expect([looked.length, refused.length]).toEqual([FREE.account, 200 - FREE.account])
    for (const answer of refused) expectWait(answer, 1)
  })

  test('the waits double up to a quarter of an hour, and a refused guess does not lengthen them', async () => {
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
  })

  test('the right password does not get through either, until the wait is over; then all is forgotten', async () => {
    const person = await service.client().register()
    const { username, password } = person
    await guesses(FREE.account, username)
    expectWait(await service.client().post('/v1/sessions', { username, password }), 1)
    service.clock.advance({ seconds: 1 })
    await service.client().signIn(person)
    await guesses(FREE.account, username)
  })

  test('a day without a guess forgets them', async () => {
    const { username } = await service.client().register()
    await guesses(FREE.account, username)
    service.clock.advance({ days: 1 })
    await guesses(FREE.account, username)
  })

  test('a name that nobody has runs into the same limit', async () => {
    const { username } = newPerson()
    await guesses(FREE.account, username)
    expectWait(await guess(username), 1)
  })

  test('spelling the name in another way is the same budget', async () => {
    const { username } = await service.client().register()
    await guesses(FREE.account - 1, username)
    expectProblem(await guess(username.toUpperCase()), 'invalid_credentials')
    expectWait(await guess(username), 1)
  })

  test('the guesses of strangers keep nobody from a place or a device they signed in from before', async () => {
    const person = await service.client().register()
    const { username } = person
    const home = '203.0.113.77'
    await service.client(home).signIn(person, { device_id: 'the-phone' })
    await guesses(FREE.account, username)
    expectWait(await guess(username), 1)
    await service.client(home).signIn(person)
    await service.client().signIn(person, { device_id: 'the-phone' })
  })

  test('a known place has a budget of its own, and it is one, too', async () => {
    const person = await service.client().register()
    const { username, password } = person
    const home = '203.0.113.78'
    await service.client(home).signIn(person)
    await guesses(FREE.account, username, home)
    expectWait(await service.client(home).post('/v1/sessions', { username, password }), 1)
    // Strangers have not used theirs.
    expectProblem(await guess(username), 'invalid_credentials')
  })

  test('inventing device ids buys no more guesses', async () => {
    const { username } = await service.client().register()
    for (let at = 0; at < FREE.account; at += 1) {
      expectProblem(await guess(username, undefined, `invented-${at}`), 'invalid_credentials')
    }
    expectWait(await guess(username, undefined, 'invented-more'), 1)
  })

  test('guesses at many people from one place run into a limit, however its address is spelt', async () => {
    const spellings = [
      '2001:db8:1:2::1',
      '2001:0DB8:0001:0002:0000:0000:0000:0001',
      '2001:db8:1:2:ffff:ffff:ffff:ffff',
      '2001:db8:1:2::192.0.2.1',
      '2001:db8:1:2:0:0:0:9%eth0',
    ]
    const from = (at: number) => spellings[at % spellings.length]
    for (let at = 0; at < FREE.network; at += 1) {
      expectProblem(await guess(newPerson().username, from(at)), 'invalid_credentials')
    }
    for (let at = 0; at < spellings.length; at += 1)
      expectWait(await guess(newPerson().username, from(at)), 1)
    expectProblem(await guess(newPerson().username, '2001:db8:1:3::1'), 'invalid_credentials')
  })

  test('guesses at many people from one place keep no device out that signed in before', async () => {
    const person = await service.client().register()
    const office = '203.0.113.206'
    await service.client().signIn(person, { device_id: 'the-phone' })
    for (let at = 0; at < FREE.network; at += 1) {
      expectProblem(await guess(newPerson().username, office), 'invalid_credentials')
    }
    expectWait(await guess(newPerson().username, office), 1)
    expectWait(await guess(person.username, office, 'another-phone'), 1)
    await service.client(office).signIn(person, { device_id: 'the-phone' })
    await guesses(FREE.account, person.username, office, 'the-phone')
    expectWait(await guess(person.username, office, 'the-phone'), 1)
  })

  test('an IPv4 address is the same when it is mapped into IPv6', async () => {
    for (let at = 0; at < FREE.network; at += 1) {
      const from = at % 2 === 0 ? '203.0.113.201' : '::ffff:203.0.113.201'
      expectProblem(await guess(newPerson().username, from), 'invalid_credentials')
    }
    expectWait(await guess(newPerson().username, '::FFFF:CB00:71C9'), 1)
    expectProblem(await guess(newPerson().username, '203.0.113.202'), 'invalid_credentials')
  })

  test('signing in rightly from one place is not limited', async () => {
    const person = await service.client().register()
    const office = service.client('203.0.113.203')
    for (let at = 0; at < FREE.network + 5; at += 1) await office.signIn(person, { device_id: 'same' })
  })

  test('whatever stands in X-Forwarded-For, the answer is as usual', async () => {
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

  test('the port that some proxies add is no part of the address', async () => {
    for (const [from, address] of [
      ['203.0.113.9:4711', '203.0.113.9'],
      ['[2001:db8::9]:4711', '2001:db8::9'],
    ] as const) {
      const person = await service.client().register()
      const { session } = (await service.client(from).signIn(person)) as { session: { ip?: string } }
      expect(session.ip).toBe(address)
    }
  })

  test('only so many sign up from one place, and then with growing waits', async () => {
    const place = service.client('203.0.113.204')
    for (let at = 0; at < FREE.registration; at += 1) await place.register()
    for (const wait of [30, 60, 120]) {
      const { username, email, password } = newPerson()
      expectWait(await place.post('/v1/users', { username, email, password }), wait)
      service.clock.advance({ seconds: wait })
      await place.register()
    }
  })

  test('asking with weak passwords counts as signing up', async () => {
    const place = service.client('203.0.113.207')
    const ask = () => place.post('/v1/users', { ...newPerson(), password: 'password123' })
    for (let at = 0; at < FREE.registration; at += 1) {
      expectRefusedFields(await ask(), { password: 'too_common' })
    }
    expectWait(await ask(), 30)
  })

  test('asking for taken addresses counts as signing up', async () => {
    const { email } = await service.client().register()
    const place = service.client('203.0.113.205')
    const ask = () => place.post('/v1/users', { ...newPerson(), email })
    for (let at = 0; at < FREE.registration; at += 1) expectProblem(await ask(), 'email_taken')
    expectWait(await ask(), 30)
  })

  test('what people typed is stored as a digest only', async () => {
    const { username } = newPerson()
    await guess(username)
    const rows = await service.service.db.selectFrom('attempts').select('key').execute()
    expect(rows.every(({ key }) => key.length === 32)).toBe(true)
  })
})
