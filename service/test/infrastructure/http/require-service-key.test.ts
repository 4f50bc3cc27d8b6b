import Fastify, { type FastifyInstance, type RouteShorthandOptions } from 'fastify'
import { afterEach, describe, expect, test } from 'vitest'
import { handleError } from '../../../src/infrastructure/http/error-handler.ts'
import { requireServiceKeys } from '../../../src/infrastructure/http/require-service-key.ts'
import type { ServiceKey } from '../../../src/domain/service-key.ts'

const GATEWAY = 'service-key-of-the-gateway-that-is-long'
const SUCCESSOR = 'the-next-service-key-of-the-gateway-1'
const OPERATOR = 'service-key-of-the-operator-that-is-long'
const keys: readonly ServiceKey[] = [
  { name: 'gateway', scopes: ['verify'], secret: GATEWAY },
  { name: 'gateway', scopes: ['verify', 'lookup'], secret: SUCCESSOR },
  { name: 'ops', scopes: ['moderate'], secret: OPERATOR },
]

let app: FastifyInstance
let refused: string[]
afterEach(() => app.close())

async function listener(known: readonly ServiceKey[] = keys): Promise<FastifyInstance> {
  app = Fastify()
  refused = []
  app.decorateRequest('actor', undefined)
  app.setErrorHandler(handleError('http://localhost:8000'))
  await app.register(
    requireServiceKeys(known, {
      refusedKey: (_request, reason) => refused.push(reason),
      missingScope: (actor, scope) => refused.push(`${actor} has no ${scope}`),
    }),
  )
  app.get('/verify', { config: { scope: 'verify' } }, ({ actor }) => Promise.resolve({ actor }))
  app.get('/lookup', { config: { scope: 'lookup' } }, ({ actor }) => Promise.resolve({ actor }))
  app.get('/open', { config: { scope: 'none' } }, ({ actor }) => Promise.resolve({ actor: actor ?? null }))
  return app
}
const ask = async (path: string, authorization?: string) => {
  const response = await app.inject({
    url: path,
    headers: authorization === undefined ? {} : { authorization },
  })
  const body = response.json<{ actor?: string; code?: string }>()
  return { status: response.statusCode, body, headers: response.headers }
}

describe('a service key', () => {
  test('a service key with the scope of a route is accepted, and its name is the actor', async () => {
    await listener()
    for (const secret of [GATEWAY, SUCCESSOR]) {
      expect(await ask('/verify', `Bearer ${secret}`)).toMatchObject({
        status: 200,
        body: { actor: 'service:gateway' },
      })
    }
  })

  test(
    'of two service keys with one name, each has only its own scopes',
    { tags: ['ACCESS-1'] },
    async () => {
      await listener()
      expect(await ask('/lookup', `Bearer ${SUCCESSOR}`)).toMatchObject({
        status: 200,
        body: { actor: 'service:gateway' },
      })
      expect(await ask('/lookup', `Bearer ${GATEWAY}`)).toMatchObject({
        status: 403,
        body: { code: 'insufficient_scope' },
      })
    },
  )

  test(
    'a service key without the scope of a route gets 403 with the scope',
    { tags: ['ACCESS-1'] },
    async () => {
      await listener()
      const { status, body, headers } = await ask('/verify', `Bearer ${OPERATOR}`)
      expect([status, body.code]).toEqual([403, 'insufficient_scope'])
      expect(headers['www-authenticate']).toBe(
        'Bearer realm="chat-auth", error="insufficient_scope", scope="verify"',
      )
      expect(refused).toEqual(['service:ops has no verify'])
    },
  )

  test.each([
    [undefined, 'missing'],
    ['', 'wrong'],
    ['Bearer', 'wrong'],
    ['Bearer ', 'wrong'],
    [GATEWAY, 'wrong'],
    [`Basic ${GATEWAY}`, 'wrong'],
    [`Bearer ${GATEWAY}x`, 'wrong'],
    ['Bearer x', 'wrong'],
  ])(
    'the Authorization header %j is refused as a service key, which is %s',
    async (authorization, reason) => {
      await listener()
      expect(await ask('/verify', authorization)).toMatchObject({
        status: 401,
        body: { code: 'invalid_service_key' },
      })
      expect(refused).toEqual([reason])
    },
  )

  test('without configured service keys every key is refused', async () => {
    await listener([])
    for (const authorization of [undefined, '', 'Bearer ', `Bearer ${GATEWAY}`]) {
      expect(await ask('/verify', authorization)).toMatchObject({
        status: 401,
        body: { code: 'invalid_service_key' },
      })
    }
  })

  test('a route that declares that it needs no service key asks for none', async () => {
    await listener()
    expect(await ask('/open')).toMatchObject({ status: 200, body: { actor: null } })
  })

  test('an empty service key is a configuration error', { tags: ['HTTP-18'] }, () => {
    expect(() =>
      requireServiceKeys([{ name: 'x', scopes: ['verify'], secret: '' }], {
        refusedKey: () => undefined,
        missingScope: () => undefined,
      }),
    ).toThrow('a service key is empty')
  })
})

describe('a route of the internal listener', () => {
  const undeclared: [string, RouteShorthandOptions][] = [
    ['no config', {}],
    ['a config without a scope', { config: {} }],
  ]
  test.each(undeclared)(
    'a route with %s cannot be registered',
    { tags: ['ACCESS-1'] },
    async (_, options) => {
      await listener()
      expect(() => app.get('/new', options, () => Promise.resolve({}))).toThrow(
        'GET /new declares no scope; see interface-adapters/http/route-scope.ts',
      )
    },
  )

  test('a plugin with a route without a scope stops the start', { tags: ['ACCESS-1'] }, async () => {
    await listener()
    const plugin = async (child: FastifyInstance) => {
      child.post('/new', () => Promise.resolve({}))
      return Promise.resolve()
    }
    const started = async () => {
      await app.register(plugin)
      await app.ready()
    }
    await expect(started()).rejects.toThrow('POST /new declares no scope')
  })
})
