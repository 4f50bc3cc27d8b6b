// The routes come from the OpenAPI documents, so that a new route is tested without being named here.
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { expectProblem } from '../../../support/http-expectations.ts'
import type { ApiResponse, TestUser, Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'

interface Document {
  readonly paths: Record<string, Record<string, { security?: readonly Record<string, readonly string[]>[] }>>
}
interface Operation {
  readonly method: string
  readonly path: string
  /** The scope on the internal listener, the lowest role under /v1/admin. */
  readonly needs: string | undefined
}
type SignedIn = TestUser & { readonly tokens: Tokens }

const ROLE_FOR: Record<string, string> = {
  'users:read': 'moderator',
  moderate: 'moderator',
  roles: 'admin',
  audit: 'admin',
}
const ROLES_UP_TO: Record<string, readonly string[]> = {
  user: [],
  moderator: ['moderator'],
  admin: ['moderator', 'admin'],
}

const operationsOf = async (client: { get(path: string): Promise<ApiResponse> }): Promise<Operation[]> => {
  const { paths } = (await client.get('/openapi.json')).body as Document
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { security }]) => ({
      method: method.toUpperCase(),
      path,
      needs: Object.values(security?.[0] ?? {})[0]?.[0],
    })),
  )
}

describe.each(databaseNames)('the routes for signed-in operators, on %s', (database) => {
  let service: TestService
  const people: Record<string, SignedIn> = {}
  let routes: Operation[]

  const signedInAs = async (...roles: string[]): Promise<SignedIn> => {
    const person = await service.client().register()
    if (roles.length > 0) await service.operator().put(`/v1/users/${person.id}/roles`, { roles })
    return { ...person, tokens: await service.client().signIn(person) }
  }
  const as = (person: SignedIn, method: string, path: string, body?: object) =>
    service.client().request(method, path, {
      token: person.tokens.access_token,
      ...(body !== undefined && { body }),
    })
  const person = (role: string): SignedIn => {
    const found = people[role]
    if (found === undefined) throw new Error(`nobody with the role ${role}`)
    return found
  }
  const rolesOf = async ({ id }: TestUser): Promise<unknown> =>
    ((await service.operator().get(`/v1/users/${id}`)).body as { roles: unknown }).roles

  beforeAll(async () => {
    service = await startTestService(database, { RECENT_AUTHENTICATION_TTL: '10m' })
    people['user'] = await signedInAs()
    people['moderator'] = await signedInAs('moderator')
    people['admin'] = await signedInAs('admin')
    routes = (await operationsOf(service.client())).filter(({ path }) => path.startsWith('/v1/admin/'))
  })
  afterAll(() => service.stop())

  test(
    'every internal route whose scope has a role is there under /v1/admin, and no other',
    { tags: ['ADMIN-1'] },
    async () => {
      const internal = (await operationsOf(service.operator())).flatMap(({ method, path, needs = '' }) =>
        ROLE_FOR[needs] === undefined
          ? []
          : [{ method, path: path.replace('/v1/', '/v1/admin/'), needs: ROLE_FOR[needs] }],
      )
      const byName = (one: Operation, other: Operation) =>
        `${one.path} ${one.method}`.localeCompare(`${other.path} ${other.method}`)
      expect(routes.toSorted(byName)).toEqual(internal.toSorted(byName))
      expect(routes.length).toBeGreaterThan(7)
    },
  )

  test.each(['user', 'moderator', 'admin'])(
    'somebody with the role %s reaches the routes of this role and no others',
    { tags: ['ADMIN-1'] },
    async (role) => {
      for (const { method, path, needs = '' } of routes) {
        const target = path.replace('{id}', '999999').replace('{sid}', randomUUID())
        const { status, body } = await as(person(role), method, target)
        const { code } = (body ?? {}) as { code?: string }
        const isRefused = status === 403 && code === 'insufficient_role'
        const mustBe = ROLES_UP_TO[role]?.includes(needs) !== true
        expect.soft([method, path, isRefused]).toEqual([method, path, mustBe])
        if (!mustBe) expect.soft([401, 403, 500], `${method} ${path}`).not.toContain(status)
      }
    },
  )

  test('without a token, and with a service key, every route is refused', { tags: ['ADMIN-1'] }, async () => {
    for (const { method, path } of routes) {
      const target = path.replace('{id}', '17').replace('{sid}', randomUUID())
      for (const token of [undefined, service.serviceKey]) {
        const { status } = await service
          .client()
          .request(method, target, { ...(token !== undefined && { token }) })
        expect.soft([method, path, status]).toEqual([method, path, 401])
      }
    }
  })

  test(
    'a change needs a recent authentication, so a stolen token of an operator only reads',
    { tags: ['ADMIN-4'] },
    async () => {
      const admin = await signedInAs('admin')
      await service.service.db
        .updateTable('sessions')
        .set({ auth_time: new Date(+service.clock.now() - 601_000) })
        .where('id', '=', admin.tokens.session.id)
        .execute()
      for (const { method, path } of routes) {
        const target = path.replace('{id}', '999999').replace('{sid}', randomUUID())
        const response = await as(admin, method, target)
        if (method === 'GET') expect.soft([401, 403], path).not.toContain(response.status)
        else expectProblem(response, 'reauthentication_required')
      }
    },
  )

  test('an unknown field is refused, so that a misspelt end makes no ban without an end', async () => {
    const target = await signedInAs()
    const body = { reason: 'Spam', untill: '2030-01-31T12:00:00Z' }
    const response = await as(person('moderator'), 'POST', `/v1/admin/users/${target.id}/disable`, body)
    expect(response).toMatchObject({
      status: 422,
      body: { errors: [{ field: 'untill', code: 'unknown_field' }] },
    })
    expect((await as(target, 'GET', '/v1/users/me')).status).toBe(200)
  })

  test('a moderator bans a user, whose sessions end, and lifts the ban', { tags: ['ADMIN-2'] }, async () => {
    const target = await signedInAs()
    const path = `/v1/admin/users/${target.id}`
    const ban = { reason: 'Spam', public_reason: 'You sent advertisements.' }
    expect((await as(person('moderator'), 'POST', `${path}/disable`, ban)).status).toBe(204)
    expectProblem(await as(target, 'GET', '/v1/users/me'), 'session_ended', { reason: 'user_disabled' })
    expect((await as(person('moderator'), 'GET', path)).body).toMatchObject({
      id: target.id,
      disabled_reason: 'Spam',
    })
    expect((await as(person('moderator'), 'POST', `${path}/enable`, { note: 'Appeal' })).status).toBe(204)
    const rows = await service.service.db
      .selectFrom('audit_log')
      .select(['action', 'actor'])
      .where('subject', '=', target.id)
      .where('action', 'in', ['user.disabled', 'user.enabled'])
      .orderBy('id')
      .execute()
    const actor = `user:${person('moderator').id}`
    expect(rows).toEqual([
      { action: 'user.disabled', actor },
      { action: 'user.enabled', actor },
    ])
  })

  test('a moderator changes no moderator and no admin', { tags: ['ADMIN-2'] }, async () => {
    for (const target of [await signedInAs('moderator'), person('admin')]) {
      const path = `/v1/admin/users/${target.id}`
      for (const [method, at, body] of [
        ['POST', `${path}/disable`, { reason: 'Spam' }],
        ['POST', `${path}/enable`, {}],
        ['DELETE', `${path}/sessions`, undefined],
        ['DELETE', `${path}/sessions/${target.tokens.session.id}`, undefined],
      ] as const) {
        expectProblem(await as(person('moderator'), method, at, body), 'insufficient_role')
      }
      expect((await as(target, 'GET', '/v1/users/me')).status).toBe(200)
    }
  })

  test('an admin makes a moderator, who acts from the next request on', { tags: ['ADMIN-2'] }, async () => {
    const target = await signedInAs()
    expectProblem(await as(target, 'GET', `/v1/admin/users/${target.id}`), 'insufficient_role')
    const roles = { roles: ['moderator'] }
    expect((await as(person('admin'), 'PUT', `/v1/admin/users/${target.id}/roles`, roles)).status).toBe(204)
    const { body } = await service.client().refresh(target.tokens.refresh_token)
    const promoted = { ...target, tokens: body as Tokens }
    expect((await as(promoted, 'GET', `/v1/admin/users/${target.id}`)).status).toBe(200)
  })

  test('nobody bans themselves or sets their own roles', { tags: ['ADMIN-2'] }, async () => {
    const admin = await signedInAs('admin')
    const path = `/v1/admin/users/${admin.id}`
    expectProblem(await as(admin, 'POST', `${path}/disable`, { reason: 'x' }), 'insufficient_role')
    expectProblem(await as(admin, 'PUT', `${path}/roles`, { roles: [] }), 'insufficient_role')
    expectProblem(await as(admin, 'PUT', `${path}/roles`, { roles: ['admin'] }), 'insufficient_role')
    expect(await rolesOf(admin)).toEqual(['admin'])
    expect((await as(admin, 'DELETE', `${path}/sessions`)).status).toBe(204)
  })

  test(
    'of two admins who take the role from each other at the same time, one stays admin',
    { tags: ['ADMIN-3'] },
    async () => {
      for (let round = 0; round < 8; round += 1) {
        const [one, other] = [await signedInAs('admin'), await signedInAs('admin')]
        const statuses = await Promise.all([
          as(one, 'PUT', `/v1/admin/users/${other.id}/roles`, { roles: [] }),
          as(other, 'PUT', `/v1/admin/users/${one.id}/roles`, { roles: [] }),
        ]).then((responses) => responses.map(({ status }) => status))
        // The token of the second was refused or the role was gone.
        expect(statuses.filter((status) => status === 204)).toHaveLength(1)
        const left = [await rolesOf(one), await rolesOf(other)]
        expect(left.filter((roles) => JSON.stringify(roles) === '["admin"]')).toHaveLength(1)
      }
    },
  )
})

test(
  'a moderator who loses the role while a request waits changes nothing',
  { tags: ['ADMIN-3'] },
  async () => {
    const service = await startTestService('PostgreSQL')
    onTestFinished(() => service.stop())
    const [moderator, target] = [await service.client().register(), await service.client().register()]
    await service.operator().put(`/v1/users/${moderator.id}/roles`, { roles: ['moderator'] })
    const { access_token: token } = await service.client().signIn(moderator)
    const { access_token: theirs } = await service.client().signIn(target)
    const { db } = service.service
    const response = await db.transaction().execute(async (trx) => {
      await trx.selectFrom('users').select('id').where('id', '=', moderator.id).forUpdate().execute()
      const sent = service.client().delete(`/v1/admin/users/${target.id}/sessions`, token)
      await vi.waitFor(async () => {
        // On another connection: inside a transaction the view does not change.
        const { rows } = await sql`
          select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`.execute(
          db,
        )
        expect(rows).toHaveLength(1)
      })
      await trx.updateTable('users').set({ roles: [] }).where('id', '=', moderator.id).execute()
      return { sent }
    })
    expectProblem(await response.sent, 'insufficient_role')
    expect((await service.client().get('/v1/users/me', theirs)).status).toBe(200)
  },
)
