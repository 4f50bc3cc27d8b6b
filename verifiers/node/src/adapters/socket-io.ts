import { TokenRefused } from '../token/token-refused.ts'
import type { Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import { TokenMissing } from './bearer-token.ts'
import { problemDetails } from './refusal-response.ts'
import { SocketIoConnections } from './socket-io-connections.ts'
import type { SocketIoSocket } from './socket-io-socket.ts'

export type { SocketIoSocket } from './socket-io-socket.ts'

/**
 * The part of a namespace that this adapter needs.
 *
 * @example
 * ```ts
 * const nameOf = (namespace: SocketIoNamespace & { name: string }): string => namespace.name
 * ```
 */
export interface SocketIoNamespace {
  // Narrower types would not fit the sockets of every application.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  use(middleware: (socket: any, next: (error?: Error) => void) => void): unknown
}

/**
 * The part of a Socket.IO server that this adapter needs.
 *
 * @example
 * ```ts
 * const sessionsOf = (io: SocketIoServer) => requireSession(io, verifier)
 * ```
 */
export interface SocketIoServer {
  /** Every namespace with a name, also those that were made for a regular expression or a function. */
  readonly _nsps: ReadonlyMap<string, SocketIoNamespace>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  on(event: 'new_namespace', listener: (namespace: any) => void): unknown
}

/**
 * The guarded connections of a Socket.IO server; created by `requireSession`.
 *
 * @example
 * ```ts
 * const sessions: SocketIoSessions = requireSession(io, verifier)
 * ```
 */
export interface SocketIoSessions {
  /**
   * Keeps the connection of a socket open until a newer token of the same session expires, for all its namespaces, and
   * sets `socket.data.claims`. Throws `TokenRefused` and leaves the connection as it was if the token is refused.
   *
   * @example
   * ```ts
   * socket.on('renew', (token: string) => void sessions.renew(socket, token))
   * ```
   */
  renew(socket: SocketIoSocket, newToken: string): Promise<Claims>
  /** Number of guarded connections. One that is used by several sessions counts for each. */
  readonly size: number
}

type ConnectionVerifier = Pick<Verifier, 'verify' | 'redeemTicket' | 'guardSockets'>

/**
 * Guards a whole Socket.IO server: every namespace, also those that are created later or dynamically. Reads `ticket` or
 * `token` from the handshake's `auth`, sets `socket.data.claims`, and closes connections when their session or token ends.
 * A refused client gets `connect_error` with `data.code`. Before a connection is closed, the socket of each namespace gets
 * `session_ended` with `{ code, reason }`.
 *
 * Call it once, before the server accepts connections. Throws a `TypeError` for a server with `connectionStateRecovery`.
 *
 * @example
 * ```ts
 * const sessions = requireSession(io, verifier)
 * io.on('connection', (socket) => console.log(socket.data.claims.user_id))
 * io.of('/admin').on('connection', (socket) => console.log(socket.data.claims.roles))
 * ```
 */
export function requireSession(io: SocketIoServer, verifier: ConnectionVerifier): SocketIoSessions {
  if (recoversConnections(io as object)) {
    throw new TypeError(
      'Remove connectionStateRecovery: a recovered socket gets the messages that it missed before any check.',
    )
  }
  const connections = new SocketIoConnections(verifier.guardSockets())
  const middleware = (socket: SocketIoSocket, next: (error?: Error) => void): void => {
    admit(verifier, socket).then(
      (claims) => {
        Object.assign(socket.data as object, { claims })
        connections.add(socket, claims)
        next()
      },
      (error: unknown) =>
        next(error instanceof TokenRefused ? connectError(error) : new Error('internal_error')),
    )
  }
  const guard = (namespace: SocketIoNamespace): void => void namespace.use(middleware)
  for (const namespace of io._nsps.values()) guard(namespace)
  // Emitted for each namespace before its first client is admitted.
  io.on('new_namespace', guard)
  return connections
}

/** Before any middleware runs, a recovered socket gets the messages that it missed, even if its session has ended. */
const recoversConnections = (server: { opts?: { connectionStateRecovery?: object } }): boolean =>
  server.opts?.connectionStateRecovery !== undefined

async function admit(verifier: ConnectionVerifier, { handshake }: SocketIoSocket): Promise<Claims> {
  const { ticket, token } = handshake.auth
  // The client may send any value; the verifier refuses values that are not strings.
  if (ticket !== undefined) return verifier.redeemTicket(ticket as string, handshake.headers.origin)
  if (token === undefined) throw new TokenMissing()
  return verifier.verify(token as string)
}

/** Socket.IO sends `message` and `data` to the client. */
function connectError(refusal: TokenRefused): Error {
  const { code, detail, reason } = problemDetails(refusal)
  return Object.assign(new Error(code), { data: { code, detail, reason } })
}
