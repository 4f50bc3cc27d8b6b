import fastify, { type FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { requireToken } from '../../src/adapters/fastify.ts'
import { FakeVerifier, someClaims } from './fake-verifier.ts'
import { guardsRequests, recent, type RunningServer } from './http-contract.ts'

async function start(verifier: FakeVerifier): Promise<RunningServer> {
  const app = fastify()
  app.get('/open', () => ({}))
  app.register((scope: FastifyInstance) => {
    scope.register(requireToken(verifier))
    // A schema that knows no `code` must not strip the refusal.
    const response = { '4xx': { type: 'object', properties: { message: { type: 'string' } } } }
    scope.get('/guarded', { schema: { response } }, ({ claims }) => ({ user_id: claims.user_id }))
    scope.post('/guarded', { schema: { response } }, () => ({}))
    scope.register((inner: FastifyInstance) => {
      inner.register(requireToken(verifier, recent))
      inner.get('/recent', { schema: { response } }, ({ claims }) => ({ user_id: claims.user_id }))
      return Promise.resolve()
    })
    return Promise.resolve()
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: (app.server.address() as AddressInfo).port, stop: () => app.close() }
}

describe('fastify', () => {
  guardsRequests(start)

  test('the Fastify adapter guards all routes of its scope, earlier ones and inner scopes included', async () => {
    const app = fastify()
    app.get('/before', () => ({}))
    app.register(requireToken(new FakeVerifier()))
    app.get('/after', () => ({}))
    app.register((inner: FastifyInstance) => Promise.resolve(void inner.get('/inside', () => ({}))))
    for (const path of ['/before', '/after', '/inside', '/nowhere']) {
      expect((await app.inject(path)).statusCode).toBe(401)
    }
  })

  test('the Fastify adapter passes a fault of the verifier to the error handler unchanged', async () => {
    const fault = new Error('a bug')
    const app = fastify()
    const handled: unknown[] = []
    app.setErrorHandler((error) => {
      handled.push(error)
      return {}
    })
    app.register(requireToken({ verify: () => Promise.reject(fault) }))
    await app.inject({ url: '/', headers: { authorization: 'Bearer t' } })
    expect(handled).toEqual([fault])
  })

  test('the Fastify adapter may be registered in a scope inside a guarded one', async () => {
    const [outer, inner] = [new FakeVerifier(), new FakeVerifier()]
    outer.tokens.set('t', someClaims())
    inner.tokens.set('t', someClaims({ user_id: 9 }))
    const app = fastify()
    app.register(requireToken(outer))
    app.register((scope: FastifyInstance) => {
      scope.register(requireToken(inner))
      scope.get('/', ({ claims }) => ({ user_id: claims.user_id }))
      return Promise.resolve()
    })
    const answer = await app.inject({ url: '/', headers: { authorization: 'Bearer t' } })
    expect(answer.json()).toEqual({ user_id: 9 })
  })
})
