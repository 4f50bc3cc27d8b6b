import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test } from 'vitest'
import { sendRefusal, authenticate } from '../../src/adapters/http.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { FakeVerifier } from './fake-verifier.ts'
import { guardsRequests, recent, type RunningServer } from './http-contract.ts'

async function serve(
  verifier: FakeVerifier,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url === '/open') return void response.end('{}')
  try {
    const claims = await authenticate(verifier, request, request.url === '/recent' ? recent : undefined)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ user_id: claims.user_id }))
  } catch (error) {
    if (error instanceof TokenRefused) sendRefusal(response, error)
    else response.writeHead(500).end()
  }
}

async function start(verifier: FakeVerifier): Promise<RunningServer> {
  const server = createServer((request, response) => void serve(verifier, request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => server[Symbol.asyncDispose](),
  }
}

describe('node:http', () => {
  guardsRequests(start)

  test('sendRefusal rethrows an error that is not a refusal', () => {
    const fault = new TypeError('a bug')
    const response = { writeHead: () => undefined, end: () => undefined }
    expect(() => sendRefusal(response, fault)).toThrow(fault)
  })
})
