import Koa from 'koa'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { requireToken } from '../../src/adapters/koa.ts'
import type { Claims } from '../../src/token-types.ts'
import type { FakeVerifier } from './fake-verifier.ts'
import { guardsRequests, recent, type RunningServer } from './http-contract.ts'

async function serve(app: Koa<{ claims: Claims }>): Promise<RunningServer> {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => server[Symbol.asyncDispose](),
  }
}

function start(verifier: FakeVerifier): Promise<RunningServer> {
  const app = new Koa<{ claims: Claims }>()
  // Koa prints errors otherwise.
  app.silent = true
  const requireRecent = requireToken(verifier, recent)
  app.use(async (context, next) => {
    if (context.path === '/open') context.body = {}
    else await next()
  })
  app.use(requireToken(verifier))
  app.use((context, next) => (context.path === '/recent' ? requireRecent(context, next) : next()))
  app.use((context) => {
    context.body = { user_id: context.state.claims.user_id }
  })
  return serve(app)
}

describe('koa', () => {
  guardsRequests(start)

  test('the Koa adapter passes a fault of the verifier to Koa unchanged', async () => {
    const fault = new Error('a bug')
    const app = new Koa<{ claims: Claims }>()
    const handled: unknown[] = []
    app.on('error', (error) => handled.push(error))
    app.use(requireToken({ verify: () => Promise.reject(fault) }))
    const server = await serve(app)
    await fetch(`http://127.0.0.1:${server.port}/`, { headers: { authorization: 'Bearer t' } })
    expect(handled).toEqual([fault])
    await server.stop()
  })
})
