import express from 'express'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { requireToken } from '../../src/adapters/express.ts'
import type { FakeVerifier } from './fake-verifier.ts'
import { guardsRequests, recent, type RunningServer } from './http-contract.ts'

async function start(verifier: FakeVerifier): Promise<RunningServer> {
  const app = express()
  // As in production, where Express prints no stack; it would be noise here.
  app.set('env', 'test')
  app.get('/open', (request, response) => void response.json({ claims: request.claims }))
  app.use(requireToken(verifier), express.json())
  app.get('/guarded', (request, response) => void response.json({ user_id: request.claims?.user_id }))
  app.post('/guarded', (_request, response) => void response.end())
  app.get('/recent', requireToken(verifier, recent), (request, response) => {
    response.json({ user_id: request.claims?.user_id })
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => server[Symbol.asyncDispose](),
  }
}

describe('express', () => {
  guardsRequests(start)

  test('the Express adapter passes faults to next(), since Express 4 ignores promises', async () => {
    const fault = new Error('a bug')
    const middleware = requireToken({ verify: () => Promise.reject(fault) })
    const errors: unknown[] = []
    const response = { writeHead: () => undefined, end: () => undefined }
    await middleware({ headers: { authorization: 'Bearer t' } }, response, (error) => errors.push(error))
    expect(errors).toEqual([fault])
  })
})
