import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askWithoutListening, findNobody } from '../support/hostile-clients.ts'
import { exchange, request } from '../support/raw-exchange.ts'
import { newPerson, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'

describe.each(databaseNames)('logs, on %s', (database) => {
  let service: TestService
  let person: Person
  let tokens: Tokens
  const secrets: string[] = []

  /** Everything people do, and some of what they do wrong, with every secret in every place it may end up in. */
  beforeAll(async () => {
    service = await startTestService(database)
    const client = service.client('203.0.113.42')
    person = await client.register()
    tokens = await client.signIn(person)
    const { username, email, password } = person
    const wrong = 'a wrong password of the tests'
    const { access_token: token, refresh_token: refreshToken } = tokens
    await client.post('/v1/sessions', { username, password: wrong })
    await client.post('/v1/sessions', { username: email, password: wrong })
    await client.post('/v1/sessions', { username: password, password })
    await client.post('/v1/users', { username, email, password })
    await client.post('/v1/users', { username: email, email: password, password: 7 })
    await client.post('/v1/sessions', `{"username":"${email}","password":"${password}"`)
    await client.get(`/v1/users/me?access_token=${token}`)
    await client.get(`/v1/users/${token}`, token)
    await client.get(`/${token}/${encodeURIComponent(email)}`)
    await client.get(`/v1/users/%zz${token}`)
    await client.request('GET', '/v1/users/me', {
      headers: { cookie: token, 'user-agent': token, referer: token },
    })
    await exchange(service.url, `GET /${token} ${password}\r\n\r\n`)
    await exchange(
      service.url,
      request('GET /', [`Authorization: Bearer ${token}`, `X: ${'x'.repeat(17_000)}`]),
    )
    const newPassword = newPerson().password
    const newEmail = newPerson().email
    const second = await client.signIn(person)
    await client.patch('/v1/users/me', { email: newEmail, current_password: password }, token)
    await client.put(
      '/v1/users/me/password',
      { current_password: password, new_password: newPassword },
      token,
    )
    const next = (await client.refresh(refreshToken)).body as Tokens
    const last = (await client.refresh(next.refresh_token)).body as Tokens
    await client.refresh(refreshToken)
    await client.refresh(`${last.refresh_token}x`)
    const again = await client.signIn({ ...person, password: newPassword })
    await client.delete('/v1/sessions/current', again.access_token)
    await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    await service.operator().post(`/v1/users/${person.id}/enable`)
    await service.operator().get(`/v1/users/${service.serviceKey}/sessions`, `${service.serviceKey}x`)
    await service.service.receipts.flush()
    const allTokens = [tokens, second, next, last, again].flatMap((pair) => [
      pair.access_token,
      pair.refresh_token,
    ])
    secrets.push(password, newPassword, wrong, email, newEmail, service.serviceKey, ...allTokens)
  })
  afterAll(() => service.stop())

  const linesOf = (event: string) => service.logs.filter((line) => line['event'] === event)
  const ofPerson = (event: string) => linesOf(event).filter((line) => line['user_id'] === person.id)

  test('hold no password, token, service key or e-mail address', () => {
    const text = JSON.stringify(service.logs)
    for (const secret of secrets) expect(text).not.toContain(secret)
    // Nor the part of an access token that cannot be told without it.
    for (const { length, [length - 1]: signature } of secrets.map((secret) => secret.split('.'))) {
      if (length === 3) expect(text).not.toContain(signature)
    }
    expect(text).not.toMatch(/argon2id/)
  })

  test('are lines with an event, a level, a time and the service', () => {
    for (const line of service.logs) {
      expect(line).toMatchObject({
        event: expect.stringMatching(/^[a-z_-]+\.[a-z_]+$/) as string,
        level: expect.stringMatching(/^(debug|info|warn|error)$/) as string,
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        service: 'chat-auth',
      })
    }
  })

  test('tell of a sign-up', () => {
    expect(ofPerson('user.created')).toEqual([
      expect.objectContaining({ level: 'info', username: person.username }),
    ])
  })

  test('tell of a sign-in and of one that failed, with where it came from', () => {
    expect(ofPerson('session.created').length).toBe(3)
    expect(ofPerson('session.created')[0]).toMatchObject({ session_id: tokens.session.id })
    const failed = linesOf('http.refused').filter(({ code }) => code === 'invalid_credentials')
    expect(failed).toHaveLength(3)
    expect(failed[0]).toMatchObject({
      route: '/v1/sessions',
      ip: '203.0.113.42',
      request_id: expect.any(String) as string,
    })
  })

  test('tell of a replayed refresh token', () => {
    expect(ofPerson('session.refresh_token_reused')).toEqual([
      expect.objectContaining({
        session_id: tokens.session.id,
        presented_generation: 0,
        generation: 2,
        address: '203.0.113.42',
      }),
    ])
    expect(linesOf('http.refused').some(({ code }) => code === 'refresh_token_reused')).toBe(true)
  })

  test('tell of the end of sessions, with the reason', () => {
    const reasons = ofPerson('session.ended').map(({ reason }) => reason)
    expect(reasons).toEqual(['password_changed', 'refresh_token_reused', 'signed_out'])
  })

  test('tell of changes to a person', () => {
    expect(ofPerson('user.password_changed')).toEqual([
      expect.objectContaining({ session_id: tokens.session.id }),
    ])
    expect(ofPerson('user.updated')).toEqual([expect.objectContaining({ changed: ['email'] })])
    expect(ofPerson('user.disabled')).toEqual([expect.objectContaining({ reason: 'Spam' })])
    expect(ofPerson('user.enabled')).toHaveLength(1)
  })

  test('tell of a connection that was cut off, once, and from where', async () => {
    await findNobody(await askWithoutListening(service.url, 100))
    expect(linesOf('http.cut_off')).toEqual([
      expect.objectContaining({ level: 'info', unanswered: 33, ip: expect.any(String) as string }),
    ])
  })

  test('tell of each request by its route, its status and its id, never by its address', () => {
    const requests = linesOf('http.request')
    expect(requests.length).toBeGreaterThan(20)
    for (const line of requests) {
      expect(line).toMatchObject({
        method: expect.any(String) as string,
        route: expect.stringMatching(/^(none|\/[\w./:*-]*)$/) as string,
        status: expect.any(Number) as number,
        milliseconds: expect.any(Number) as number,
        request_id: expect.any(String) as string,
      })
      expect(line).not.toHaveProperty('url')
    }
    expect(linesOf('http.failed')).toEqual([])
  })
})
