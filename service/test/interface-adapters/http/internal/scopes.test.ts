// The routes come from the service itself, so that a new route is tested without being named here.
import diagnostics from 'node:diagnostics_channel'
import { randomUUID } from 'node:crypto'
import type { FastifyInstance, RouteOptions } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SCOPES, type Scope } from '../../../../src/domain/service-key.ts'
import { startTestService, type TestService } from '../../../support/test-service.ts'

interface Route {
  readonly method: string
  readonly url: string
  readonly scope: Scope | 'none' | undefined
  /** Authorization is that of a user, and the key stands in X-Service-Key. */
  readonly hasKeyInOwnHeader: boolean
}
interface Problem {
  readonly detail?: string
  readonly code: string
  readonly errors?: readonly { readonly field: string; readonly code: string }[]
}
interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly properties?: Record<string, Schema>
  readonly items?: Schema
  readonly additionalProperties?: boolean
}
interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly security?: readonly Record<string, readonly string[]>[]
        readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> }
      }
    >
  >
  readonly components: { readonly schemas: Record<string, Schema> }
}

/** Methods that fetch sends. The rest are other methods of the same paths, which get 405. */
const SENT = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']
const secretOf = (scope: Scope): string => `service-key-for-${scope.replace(':', '-')}-of-the-tests-1`

const registered: { readonly app: FastifyInstance; readonly routes: Route[] }[] = []
let service: TestService
let document: Document
let userToken: string
beforeAll(async () => {
  diagnostics.subscribe('fastify.initialization', collectRoutes)
  const keys = SCOPES.map((scope) => `only-${scope.replace(':', '-')}:${scope}:${secretOf(scope)}`)
  service = await startTestService('PGlite', { SERVICE_KEYS: keys.join() })
  const client = service.client()
  userToken = (await client.signIn(await client.register())).access_token
  document = (await (await fetch(`${service.internalUrl}/openapi.json`)).json()) as Document
})
afterAll(async () => {
  diagnostics.unsubscribe('fastify.initialization', collectRoutes)
  await service.stop()
})

function collectRoutes(message: unknown): void {
  const { fastify: app } = message as { fastify: FastifyInstance }
  const routes: Route[] = []
  registered.push({ app, routes })
  app.addHook('onRoute', (route: RouteOptions) => {
    const { method, url } = route
    // The other methods of each path, which get 405, are one route.
    if (typeof method !== 'string') return
    // Read later, since hooks after this one may declare it.
    routes.push({
      method,
      url,
      get scope() {
        return route.config?.scope
      },
      get hasKeyInOwnHeader() {
        return route.config?.hasKeyInOwnHeader === true
      },
    })
  })
}

/** Of the internal listener, which alone has metrics. */
const internalRoutes = (): readonly Route[] =>
  registered.find(({ routes }) => routes.some(({ url }) => url === '/metrics'))?.routes ?? []

const guardedRoutes = () => internalRoutes().filter(({ scope }) => scope !== 'none')
async function call(
  { method, url, hasKeyInOwnHeader }: Pick<Route, 'method' | 'url'> & Partial<Route>,
  secret: string | undefined,
  more: { query?: string; body?: object } = {},
) {
  const path = url.replace(':sid', randomUUID()).replace(':id', '999999')
  const response = await fetch(`${service.internalUrl}${path}${more.query ?? ''}`, {
    method,
    headers: {
      ...(hasKeyInOwnHeader === true
        ? { authorization: `Bearer ${userToken}`, ...(secret !== undefined && { 'x-service-key': secret }) }
        : secret !== undefined && { authorization: `Bearer ${secret}` }),
      ...(more.body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(more.body !== undefined && { body: JSON.stringify(more.body) }),
  })
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true
  const problem = isProblem && method !== 'HEAD' ? ((await response.json()) as Problem) : undefined
  // The feed never ends by itself.
  if (problem === undefined) await response.body?.cancel()
  return { status: response.status, challenge: response.headers.get('www-authenticate'), problem }
}

const nameOf = ({ method, url }: Route) => `${method} ${url}`

describe('every registered route of the internal listener', () => {
  test('the internal listener has routes with every scope', { tags: ['ACCESS-1'] }, () => {
    const used = new Set(guardedRoutes().map(({ scope }) => scope))
    expect([...used].toSorted()).toEqual(SCOPES.toSorted())
  })

  test('only these routes need no service key', { tags: ['ACCESS-1'] }, () => {
    const open = internalRoutes().filter(({ method, scope }) => scope === 'none' && method === 'GET')
    expect(
      open
        .map(({ url }) => url)
        .filter((url) => !/^\/docs(\/|$)/.test(url))
        .toSorted(),
    ).toEqual([
      '/.well-known/jwks.json',
      '/.well-known/oauth-authorization-server',
      '/errors/:code',
      '/health/live',
      '/health/ready',
      '/mailbox',
      '/mailbox/:id',
      '/mailbox/:id/page',
      '/metrics',
      '/openapi.json',
    ])
  })

  test(
    'without a key, or with a wrong one, each guarded route refuses the call',
    { tags: ['ACCESS-1'] },
    async () => {
      for (const route of guardedRoutes()) {
        for (const secret of [undefined, `${secretOf('operate')}x`, '']) {
          const { status, problem } = await call(route, secret)
          // A proxy passes the response on to a client, which must not take the fault for its own.
          const [refused, code] =
            route.url === '/v1/check' ? [503, 'unavailable'] : [401, 'invalid_service_key']
          expect.soft([nameOf(route), status]).toEqual([nameOf(route), refused])
          if (route.method !== 'HEAD') expect.soft(problem?.code).toBe(code)
        }
      }
    },
  )

  test.each(SCOPES)(
    'a key with only %s reaches the routes with this scope and no others',
    { tags: ['ACCESS-1', 'ACCESS-7'] },
    async (scope) => {
      for (const route of guardedRoutes()) {
        const { status, challenge, problem } = await call(route, secretOf(scope))
        if (route.scope === scope) expect.soft([401, 403, 503], nameOf(route)).not.toContain(status)
        else if (route.hasKeyInOwnHeader) {
          // The client of the proxy must not take the fault for its own.
          expect.soft([nameOf(route), status, challenge]).toEqual([nameOf(route), 503, null])
          if (route.method !== 'HEAD') expect.soft(problem?.detail).toContain('key of the proxy')
        } else {
          expect.soft([nameOf(route), status]).toEqual([nameOf(route), 403])
          expect.soft(challenge).toContain(`error="insufficient_scope", scope="${String(route.scope)}"`)
          if (route.method !== 'HEAD') expect.soft(problem?.code).toBe('insufficient_scope')
        }
      }
    },
  )

  test('the open routes need no key, and their paths refuse other methods without one', async () => {
    const open = internalRoutes().filter(({ method, scope }) => scope === 'none' && SENT.includes(method))
    for (const route of open) {
      const { status } = await call(route, undefined)
      expect.soft([401, 403, 500], nameOf(route)).not.toContain(status)
    }
  })

  test('the OpenAPI document names the scope of each route', { tags: ['ACCESS-1'] }, () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(
        ([method, { security }]) => [`${method.toUpperCase()} ${path}`, security] as const,
      ),
    )
    expect(described.length).toBeGreaterThan(20)
    for (const [name, security] of described) {
      const route = internalRoutes().find((each) => nameOf(each).replaceAll(/:(\w+)/g, '{$1}') === name)
      const { scope, hasKeyInOwnHeader = false } = route ?? {}
      const scheme = hasKeyInOwnHeader ? 'serviceKeyHeader' : 'serviceKey'
      expect.soft([name, security]).toEqual([name, scope === 'none' ? undefined : [{ [scheme]: [scope] }]])
    }
  })
})

describe('unknown fields on the internal listener', () => {
  /** Without those of forward authentication, which get the query of the original request. */
  const routes = () =>
    guardedRoutes().filter(({ url, hasKeyInOwnHeader }) => url.startsWith('/v1/') && !hasKeyInOwnHeader)
  const expectUnknown = (route: Route, { status, problem }: Awaited<ReturnType<typeof call>>) => {
    expect.soft([nameOf(route), status]).toEqual([nameOf(route), 422])
    if (route.method === 'HEAD') return
    const refused = problem?.errors?.filter(({ code }) => code === 'unknown_field').map(({ field }) => field)
    expect.soft([nameOf(route), refused]).toEqual([nameOf(route), ['untill']])
  }

  test('every route refuses an unknown parameter of its query', { tags: ['ACCESS-5'] }, async () => {
    for (const route of routes()) {
      expectUnknown(route, await call(route, secretOf(route.scope as Scope), { query: '?untill=1' }))
    }
  })

  test('every route refuses an unknown field of its body', { tags: ['ACCESS-5'] }, async () => {
    const withBody = routes().filter(({ method }) => !['GET', 'HEAD'].includes(method))
    expect(withBody.length).toBeGreaterThan(8)
    for (const route of withBody) {
      expectUnknown(
        route,
        await call(route, secretOf(route.scope as Scope), { body: { untill: '2027-01-01' } }),
      )
    }
  })

  test(
    'the schemas of all bodies refuse unknown fields, also inside of lists',
    { tags: ['ACCESS-5'] },
    () => {
      const bodies = Object.entries(document.paths).flatMap(([path, operations]) =>
        path.startsWith('/v1/')
          ? Object.values(operations).flatMap(({ requestBody }) => Object.values(requestBody?.content ?? {}))
          : [],
      )
      expect(bodies.length).toBeGreaterThan(6)
      for (const { schema } of bodies)
        for (const each of objectsIn(schema)) expect(each.additionalProperties).toBe(false)
    },
  )

  test('an unknown field inside of a list is named with its place', { tags: ['ACCESS-5'] }, async () => {
    const receipt = { sid: randomUUID(), gen: 0, seen_at: '2026-01-31T12:00:00.000Z', generation: 1 }
    const route = { method: 'POST', url: '/v1/receipts', scope: 'verify' } as const
    const { problem } = await call(route, secretOf('verify'), { body: { items: [receipt] } })
    expect(problem?.errors).toMatchObject([{ field: 'items.0.generation', code: 'unknown_field' }])
  })

  test(
    'a body of thousands of unknown fields is refused with the first ten',
    { tags: ['ACCESS-5'] },
    async () => {
      const body = Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`field_${at}`, 1]))
      for (const url of ['/v1/users/lookup', '/v1/keys/rotate']) {
        const scope = url === '/v1/users/lookup' ? 'lookup' : 'operate'
        const { problem } = await call({ method: 'POST', url, scope }, secretOf(scope), { body })
        expect(problem?.errors?.filter(({ code }) => code === 'unknown_field')).toHaveLength(10)
      }
    },
  )

  test('the look-up for the platform goes on ignoring unknown fields', async () => {
    const route = { method: 'POST', url: '/users/get-users-info', scope: 'lookup' } as const
    const { status } = await call(route, secretOf('lookup'), {
      query: '?untill=1',
      body: { user_ids: [], untill: 1 },
    })
    expect(status).toBe(200)
  })
})

function objectsIn(schema: Schema): Schema[] {
  const { $ref, properties = {}, items } = schema
  const named = document.components.schemas[$ref?.split('/').at(-1) ?? '']
  const inside = [...Object.values(properties), ...(items === undefined ? [] : [items])].flatMap(objectsIn)
  return [
    ...(schema.type === 'object' ? [schema] : []),
    ...(named === undefined ? [] : objectsIn(named)),
    ...inside,
  ]
}
