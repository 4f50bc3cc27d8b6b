// An echo over Socket.IO that ends with the session. Run it with SERVICE_KEY=… node verifiers/node/examples/socket.io.ts
import { createVerifier, TokenRefused, type Claims } from '@chat-auth/verifier'
import { requireSession } from '@chat-auth/verifier/socket.io'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server, type DefaultEventsMap } from 'socket.io'

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

const server = createServer()
const io = new Server<DefaultEventsMap, DefaultEventsMap, DefaultEventsMap, { claims: Claims }>(server)
// Guards every namespace, not only this one.
const sessions = requireSession(io, verifier)
io.on('connection', (socket) => {
  socket.on('echo', (text: string, answer: (text: string) => void) => {
    answer(`${socket.data.claims.user_id}: ${text}`)
  })
  // Sent before the token runs out, this keeps the connection; refused, it stays as it was.
  socket.on('renew', (newToken: string, answer: (code: string) => void) => {
    sessions.renew(socket, newToken).then(
      () => answer('renewed'),
      (error: unknown) => answer(error instanceof TokenRefused ? error.code : 'internal_error'),
    )
  })
})

server.listen(Number(PORT), 'localhost', () => {
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  void io.close().then(() => verifier.close())
})
