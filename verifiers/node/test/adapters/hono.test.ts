import { serve, type ServerType } from '@hono/node-server'
import { Hono } from 'hono'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { requireToken } from '../../src/adapters/hono.ts'
import type { FakeVerifier } from './fake-verifier.ts'
import { guardsRequests, recent, type RunningServer } from './http-contract.ts'

async function start(verifier: FakeVerifier): Promise<RunningServer> {
  const app = new Hono()
  app.onError((_error, context) => context.text('a fault', 500))
  app.get('/open', (context) => context.json({}))
  app.use(requireToken(verifier))
  app.get('/guarded', (context) => context.json({ user_id: context.get('claims').user_id }))
  app.post('/guarded', (context) => context.body(null))
  app.get('/recent', requireToken(verifier, recent), (context) =>
    context.json({ user_id: context.get('claims').user_id }),
  )
  const server: ServerType = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })
  if (!server.listening) await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

describe('hono', () => {
  guardsRequests(start, { joinsHeaders: true })

  test('the Hono adapter passes a fault of the verifier to the error handler unchanged', async () => {
    const fault = new Error('a bug')
    const app = new Hono()
    const handled: unknown[] = []
    app.onError((error, context) => {
      handled.push(error)
      return context.body(null, 500)
    })
    app.use(requireToken({ verify: () => Promise.reject(fault) }))
    await app.request('/', { headers: { authorization: 'Bearer t' } })
    expect(handled).toEqual([fault])
  })
})
