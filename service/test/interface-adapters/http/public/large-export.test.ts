import { once } from 'node:events'
import { connect } from 'node:net'
import { sql } from 'kysely'
import pino from 'pino'
import { describe, expect, onTestFinished, test } from 'vitest'
import { unavailable } from '../../../../src/application/errors.ts'
import type { ExportedUser } from '../../../../src/application/users/export-user.ts'
import type { UseCases } from '../../../../src/application/use-cases.ts'
import type { Session } from '../../../../src/domain/session.ts'
import { createHttpServer } from '../../../../src/infrastructure/http/http-server.ts'
import { accountRoutes } from '../../../../src/interface-adapters/http/public/account-routes.ts'
import { aSession, aUser, sessionId } from '../../../support/builders.ts'
import { expectProblem } from '../../../support/http-expectations.ts'
import { request } from '../../../support/raw-exchange.ts'
import { TestClient } from '../../../support/test-client.ts'
import { databaseNames, startTestService, withoutMail } from '../../../support/test-service.ts'

const SESSIONS = 1_001

test.each(databaseNames)(
  'an export has every session of many, once and newest first, on %s',
  { timeout: 90_000 },
  async (database) => {
    const service = await startTestService(database, withoutMail)
    onTestFinished(() => service.stop())
    const person = await service.client().register()
    const { access_token: token, session } = await service.client().signIn(person)
    await sql`
    insert into sessions
    select (jsonb_populate_record(original, jsonb_build_object('id', gen_random_uuid(),
      'ended_at', original.created_at, 'end_reason', 'signed_out'))).*
    from sessions as original, generate_series(2, ${SESSIONS})
    where user_id = ${person.id} and id = ${session.id}`.execute(service.service.db)
    const { status, body } = await service.client().get('/v1/users/me/export', token)
    const { sessions, events } = body as { sessions: { id: string }[]; events: { type: string }[] }
    expect([status, sessions.length]).toEqual([200, SESSIONS])
    const ids = sessions.map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)].toSorted().toReversed())
    expect(events.map(({ type }) => type)).toEqual(['user.created', 'session.created'])
  },
)

describe('an export over HTTP', () => {
  /** Serves an export with these pages. */
  async function serve(sessions: () => ExportedUser['sessions']): Promise<string> {
    const useCases = {
      authenticate: () => Promise.resolve({ user: { id: 1 } }),
      exportUser: () =>
        Promise.resolve({
          user: aUser(),
          emailChanges: [],
          factors: { totpAddedAt: undefined, recoveryCodesLeft: 0 },
          sessions: sessions(),
          events: sessions(),
          activity: none(),
        }),
    } as unknown as UseCases
    const options = { publicUrl: 'http://localhost:8000', trustedProxies: [], corsOrigins: [] }
    const app = await createHttpServer(
      { ...options, logger: pino({ level: 'silent' }) },
      [],
      [{ prefix: '/v1', routes: accountRoutes(useCases, options.publicUrl) }],
    )
    onTestFinished(() => app.close())
    return app.listen({ host: '127.0.0.1', port: 0 })
  }
  const page = (): Session[] => Array.from({ length: 200 }, (_, index) => aSession({ id: sessionId(index) }))
  async function* none(): AsyncGenerator<never[]> {
    await Promise.resolve()
  }
  async function* pagesUntilLost(count: number): AsyncGenerator<Session[]> {
    for (let number = 0; number < count; number += 1) yield await Promise.resolve(page())
    throw unavailable('The connection to the database was lost.', 2)
  }

  test('an export that fails before its first page gets a problem document', async () => {
    const url = await serve(() => pagesUntilLost(0))
    const { status, body } = await new TestClient(url).get('/v1/users/me/export', 'x')
    expect([status, (body as { code: string }).code]).toEqual([503, 'unavailable'])
  })

  test('an export that fails later breaks off, so that it is not taken for a whole one', async () => {
    const url = await serve(() => pagesUntilLost(3))
    const response = await fetch(`${url}/v1/users/me/export`, { headers: { authorization: 'Bearer x' } })
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow('terminated')
  })

  test('no more pages are read for a client that has left', { tags: ['HTTP-24'] }, async () => {
    const { promise: stopped, resolve } = Promise.withResolvers<undefined>()
    async function* endless(): AsyncGenerator<Session[]> {
      try {
        for (;;) yield await Promise.resolve(page())
      } finally {
        resolve(undefined)
      }
    }
    const url = await serve(endless)
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(request('GET /v1/users/me/export', ['Authorization: Bearer x']))
    await once(socket, 'data')
    socket.destroy()
    await stopped
  })

  test('a fifth export at the same time is refused', { tags: ['HTTP-24'] }, async () => {
    async function* endless(): AsyncGenerator<Session[]> {
      for (;;) yield await Promise.resolve(page())
    }
    const url = await serve(endless)
    const sockets = Array.from({ length: 4 }, () => connect(Number(new URL(url).port), '127.0.0.1'))
    for (const socket of sockets)
      socket.write(request('GET /v1/users/me/export', ['Authorization: Bearer x']))
    await Promise.all(sockets.map((socket) => once(socket, 'data')))
    const refused = await new TestClient(url).get('/v1/users/me/export', 'x')
    expectProblem(refused, 'overloaded')
    for (const socket of sockets) socket.destroy()
  })
})
