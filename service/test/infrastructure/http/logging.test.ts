import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestWithoutReading, readUntilClosed } from '../../support/hostile-clients.ts'
import { exchange, request } from '../../support/raw-exchange.ts'
import { newUser, type TestUser, type Tokens } from '../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../support/test-service.ts'

describe.each(databaseNames)('logs, on %s', (database) => {
  let service: TestService
  let person: TestUser
  let tokens: Tokens
  const secrets: string[] = []
  const operatorActor = database === 'PGlite' ? 'service:operator' : 'service:tests'

  /** Makes valid and invalid requests, with every secret in every place a client might put it. */
  beforeAll(async () => {
    service = await startTestService(database)
    const client = service.client('203.0.113.42')
    person = await client.register()
    tokens = await client.signIn(person)
    const { username, email, password } = person
    const wrong = 'a wrong password of the tests'
    const { access_token: token } = tokens
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
    const newPassword = newUser().password
    const newEmail = newUser().email
    const second = await client.signIn(person)
    await client.patch('/v1/users/me', { email: newEmail, current_password: password }, token)
    const change = { current_password: password, new_password: newPassword }
    const renewed = (await client.put('/v1/users/me/password', change, token)).body as Tokens
    const next = (await client.refresh(renewed.refresh_token)).body as Tokens
    const last = (await client.refresh(next.refresh_token)).body as Tokens
    await client.refresh(renewed.refresh_token)
    await client.refresh(`${last.refresh_token}x`)
    const again = await client.signIn({ ...person, password: newPassword })
    await client.delete('/v1/sessions/current', again.access_token)
    await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    await service.operator().post(`/v1/users/${person.id}/enable`)
    await service.operator().get(`/v1/users/${service.serviceKey}/sessions`, `${service.serviceKey}x`)
    await service.service.receipts.flush()
    const allTokens = [tokens, second, renewed, next, last, again].flatMap((pair) => [
      pair.access_token,
      pair.refresh_token,
    ])
    secrets.push(password, newPassword, wrong, email, newEmail, service.serviceKey, ...allTokens)
  })
  afterAll(() => service.stop())

  const linesOf = (event: string) => service.logs.filter((line) => line['event'] === event)
  const ofPerson = (event: string) => linesOf(event).filter((line) => line['user_id'] === person.id)

  test('logs contain no password, token, service key or e-mail address', { tags: ['OPS-7'] }, () => {
    const text = JSON.stringify(service.logs)
    for (const secret of secrets) expect(text).not.toContain(secret)
    // The signature alone must not appear either: it is the secret part of an access token.
    for (const { length, [length - 1]: signature } of secrets.map((secret) => secret.split('.'))) {
      if (length === 3) expect(text).not.toContain(signature)
    }
    expect(text).not.toMatch(/argon2id/)
  })

  test('each log line has an event, a level, a time and the service', () => {
    for (const line of service.logs) {
      expect(line).toMatchObject({
        event: expect.stringMatching(/^[a-z_-]+\.[a-z_]+$/) as string,
        level: expect.stringMatching(/^(debug|info|warn|error)$/) as string,
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        service: 'chat-auth',
      })
    }
  })

  test('a sign-up is logged', () => {
    expect(ofPerson('user.created')).toEqual([
      expect.objectContaining({ level: 'info', username: person.username }),
    ])
  })

  test('a sign-in is logged, and a failed one with its client address', { tags: ['OPS-7'] }, () => {
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

  test('events and requests are logged with their actor', { tags: ['ACCESS-3'] }, () => {
    const own = `user:${person.id}`
    for (const event of ['user.created', 'session.created', 'user.updated', 'user.password_changed']) {
      for (const line of ofPerson(event)) expect(line).toMatchObject({ event, actor: own })
    }
    expect(ofPerson('user.disabled')).toMatchObject([{ actor: operatorActor }])
    expect(ofPerson('session.refresh_token_reused')).toMatchObject([{ actor: 'system' }])
    const actorsOf = (method: string, route: string, status: number) => [
      ...new Set(
        linesOf('http.request')
          .filter((line) => line['method'] === method && line['route'] === route && line['status'] === status)
          .map((line) => line['actor']),
      ),
    ]
    expect(actorsOf('POST', '/v1/users', 201)).toEqual([own])
    expect(actorsOf('POST', '/v1/sessions', 201)).toEqual([own])
    expect(actorsOf('POST', '/v1/sessions/refresh', 200)).toEqual([own])
    expect(actorsOf('PATCH', '/v1/users/me', 200)).toEqual([own])
    expect(actorsOf('POST', '/v1/users/:id/disable', 204)).toEqual([operatorActor])
    expect(actorsOf('POST', '/v1/sessions', 401)).toEqual([undefined])
  })

  test('a wrong service key is logged with its address', { tags: ['ACCESS-2'] }, () => {
    expect(linesOf('service_key.refused')).toMatchObject([
      { level: 'warn', reason: 'wrong', ip: '127.0.0.1', route: '/v1/users/:id/sessions', left_out: 0 },
    ])
    expect(linesOf('http.refused').filter(({ code }) => code === 'invalid_service_key')).toEqual([])
  })

  test('a replayed refresh token is logged', () => {
    expect(ofPerson('session.refresh_token_reused')).toEqual([
      expect.objectContaining({
        session_id: tokens.session.id,
        presented_generation: 1,
        generation: 3,
        address: '203.0.113.42',
      }),
    ])
    expect(linesOf('http.refused').some(({ code }) => code === 'refresh_token_reused')).toBe(true)
  })

  test('the end of a session is logged with its reason', () => {
    const reasons = ofPerson('session.ended').map(({ reason }) => reason)
    expect(reasons).toEqual(['password_changed', 'refresh_token_reused', 'signed_out'])
  })

  test('changes to a user are logged', () => {
    expect(ofPerson('user.password_changed')).toEqual([
      expect.objectContaining({ session_id: tokens.session.id }),
    ])
    expect(ofPerson('user.updated')).toEqual([expect.objectContaining({ changed: ['email'] })])
    expect(ofPerson('user.disabled')).toEqual([expect.objectContaining({ reason: 'Spam' })])
    expect(ofPerson('user.enabled')).toHaveLength(1)
  })

  test('a connection that was cut off is logged once, with its client address', async () => {
    await readUntilClosed(await requestWithoutReading(service.url, 100))
    expect(linesOf('http.cut_off')).toEqual([
      expect.objectContaining({ level: 'info', unanswered: 33, ip: expect.any(String) as string }),
    ])
  })

  test('each request is logged with its route, status and id, never with its URL', () => {
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
