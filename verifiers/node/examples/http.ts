// GET /me with a valid access token, DELETE /messages after a recent authentication. Run it with SERVICE_KEY=… node verifiers/node/examples/http.ts
import { createVerifier } from '@chat-auth/verifier'
import { sendRefusal, authenticate } from '@chat-auth/verifier/http'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const {
  AUTH_URL = 'http://localhost:8010',
  SERVICE_KEY = '',
  ISSUER = 'http://localhost:8000',
  AUDIENCE = 'chat',
  PORT = '3000',
} = process.env

const verifier = createVerifier({
  url: AUTH_URL,
  serviceKey: SERVICE_KEY,
  issuer: ISSUER,
  audience: AUDIENCE,
  onError: (error) => console.error(error.message),
})
await verifier.ready()

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    if (request.method === 'DELETE' && request.url === '/messages') {
      // A stolen token must not be enough, so the user entered the password in the last ten minutes.
      await authenticate(verifier, request, { maxAgeSeconds: 600 })
      response.writeHead(204).end()
      return
    }
    const claims = await authenticate(verifier, request)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ user_id: claims.user_id }))
  } catch (error) {
    sendRefusal(response, error)
  }
}

const server = createServer((request, response) => void answer(request, response))
server.listen(Number(PORT), 'localhost', () => {
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  server.close(() => void verifier.close())
})
