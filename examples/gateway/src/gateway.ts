// A chat room whose sockets close with their session: what a gateway needs of chat-auth, and nothing else. It keeps no
// message, and knows users only by the number in their token; the page asks chat-auth for their names.
import { TokenRefused, type Claims, type Verifier } from '@chat-auth/verifier'
import { acceptWebSockets } from '@chat-auth/verifier/ws'
import type { Server } from 'node:http'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { keepAlive } from './heartbeat.ts'
import { LONGEST_MESSAGE_BYTES, readMessage, type Reply } from './messages.ts'

/** A client that reads slower than the room talks is cut off; it reconnects. */
const MOST_UNREAD_BYTES = 1024 * 1024

/** Lets whoever shows a ticket of chat-auth into the one room of `server`, at `/room`. */
export function openRoom(server: Server, verifier: Verifier): { close: () => void } {
  const webSocketServer = new WebSocketServer({
    noServer: true,
    path: '/room',
    maxPayload: LONGEST_MESSAGE_BYTES,
  })
  const members = new Map<WebSocket, Claims>()

  const guard = acceptWebSockets({
    verifier,
    server,
    webSocketServer,
    onConnection(socket, claims) {
      members.set(socket, claims)
      // After a message that is too long, say; `ws` closes the socket itself.
      socket.on('error', () => undefined)
      socket.on('message', (data) => void hear(socket, claims, data))
      socket.on('close', () => {
        members.delete(socket)
        tellAll(whoIsHere())
      })
      tell(socket, { type: 'welcome', user_id: claims.user_id, expires_at: claims.exp })
      tellAll(whoIsHere())
    },
    onError: (error) => process.stderr.write(`a socket was refused: ${String(error)}\n`),
  })

  async function hear(socket: WebSocket, { user_id }: Claims, data: RawData): Promise<void> {
    const message = readMessage(data)
    if (message === undefined) tell(socket, { type: 'refused', code: 'malformed_message' })
    else if (message.type === 'renew') tell(socket, await renewed(socket, message.access_token))
    else tellAll({ type: 'said', user_id, text: message.text, at: new Date().toISOString() })
  }

  /** A newer token, sent before the present one runs out, keeps the socket; refused, the socket stays as it was. */
  async function renewed(socket: WebSocket, accessToken: string): Promise<Reply> {
    try {
      const { exp } = await guard.renew(socket, accessToken)
      return { type: 'renewed', expires_at: exp }
    } catch (error) {
      return { type: 'refused', code: error instanceof TokenRefused ? error.code : 'internal_error' }
    }
  }

  /** One entry for each socket: who is here on two devices stands here twice. */
  function whoIsHere(): Reply {
    const open = [...members].filter(([socket]) => socket.readyState === socket.OPEN)
    return { type: 'here', user_ids: open.map(([, { user_id }]) => user_id) }
  }

  function tellAll(reply: Reply): void {
    for (const socket of members.keys()) tell(socket, reply)
  }

  const stopHeartbeat = keepAlive(members)
  return {
    close() {
      stopHeartbeat()
      for (const socket of members.keys()) socket.close(1001, 'going away')
    },
  }
}

function tell(socket: WebSocket, reply: Reply): void {
  // The guard may have closed it: until the closing handshake is complete it is still a member.
  if (socket.readyState !== socket.OPEN) return
  if (socket.bufferedAmount > MOST_UNREAD_BYTES) socket.terminate()
  else socket.send(JSON.stringify(reply))
}
