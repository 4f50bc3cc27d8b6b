// An echo over WebSockets that end with their session. Run it with SERVICE_KEY=… node verifiers/node/examples/ws.ts
import { createVerifier, TokenRefused } from '@chat-auth/verifier'
import { acceptWebSockets } from '@chat-auth/verifier/ws'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'

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
const webSocketServer = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 })
const guard = acceptWebSockets({
  verifier,
  server,
  webSocketServer,
  onConnection(socket, claims) {
    socket.on('error', (error) => console.error(error.message))
    socket.on('message', (data: Buffer) => void hear(socket, claims.user_id, data.toString()))
  },
})

/** `{"type":"renew","access_token":"…"}`, sent before the token runs out, keeps the socket; the rest is echoed. */
async function hear(socket: WebSocket, userId: number, text: string): Promise<void> {
  const newToken = renewalIn(text)
  if (newToken === undefined) {
    socket.send(`${userId}: ${text}`)
    return
  }
  try {
    const { exp } = await guard.renew(socket, newToken)
    socket.send(JSON.stringify({ type: 'renewed', expires_at: exp }))
  } catch (error) {
    // The socket stays as it was, and closes with 4408 when its present token runs out.
    const code = error instanceof TokenRefused ? error.code : 'internal_error'
    socket.send(JSON.stringify({ type: 'renewal_refused', code }))
  }
}

function renewalIn(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    const message = JSON.parse(text) as { type?: unknown; access_token?: unknown }
    return message.type === 'renew' && typeof message.access_token === 'string'
      ? message.access_token
      : undefined
  } catch {
    return undefined
  }
}

server.listen(Number(PORT), 'localhost', () => {
  console.log(`listening on http://localhost:${(server.address() as AddressInfo).port}`)
})

process.once('SIGTERM', () => {
  for (const socket of webSocketServer.clients) socket.close(1001, 'going away')
  server.close(() => void verifier.close())
})
