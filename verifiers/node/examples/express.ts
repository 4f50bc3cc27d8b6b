// GET /me with a valid access token, DELETE /messages after a recent authentication. Run it with SERVICE_KEY=… node verifiers/node/examples/express.ts
import { createVerifier } from '@chat-auth/verifier'
import { requireToken } from '@chat-auth/verifier/express'
import express from 'express'
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

const app = express()
app.get('/health', (_request, response) => {
  response.status(verifier.health().fresh ? 200 : 503).json(verifier.health())
})
app.use(requireToken(verifier))
app.get('/me', ({ claims }, response) => {
  response.json({ user_id: claims?.user_id })
})
// A stolen token must not be enough, so the user entered the password in the last ten minutes.
app.delete('/messages', requireToken(verifier, { maxAgeSeconds: 600 }), (_request, response) => {
  response.status(204).end()
})

const server = app.listen(Number(PORT), 'localhost', () => {
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  server.close(() => void verifier.close())
})
