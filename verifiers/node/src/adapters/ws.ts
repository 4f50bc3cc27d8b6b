import { TokenRefused } from '../token/token-refused.ts'
import type { GuardedSocket, SocketGuard } from '../socket-types.ts'
import type { Claims } from '../token-types.ts'
import type { Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate as authenticateBearer } from './http.ts'
import { refusalResponse, type RefusalResponse } from './refusal-response.ts'

/**
 * The part of `http.IncomingMessage` that an upgrade needs.
 *
 * @example
 * ```ts
 * const authenticate = (request: UpgradeRequest) => verifier.verify(tokenFromCookie(request))
 * ```
 */
export interface UpgradeRequest extends RequestHead {
  readonly url?: string | undefined
  readonly headers: { readonly authorization?: string | undefined; readonly origin?: string | undefined }
}

/** The part of `net.Socket` that is needed to refuse an upgrade. */
interface Connection {
  on(event: 'error', listener: () => void): unknown
  once(event: 'finish', listener: () => void): unknown
  end(text: string): unknown
  destroy(): unknown
}

/** The part of `http.Server` that upgrades need. */
interface UpgradingServer {
  // Narrower types would not fit the servers of both `node:http` and `node:https`.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  on(event: 'upgrade', listener: (request: any, connection: any, head: any) => void): unknown
  listenerCount(event: 'upgrade'): number
}

/** A `WebSocketServer` of `ws`, created with `noServer: true`. */
interface WebSocketAcceptor<Socket extends WebSocketLike> {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  shouldHandle(request: any): boolean | Promise<boolean>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  handleUpgrade(request: any, connection: any, head: any, done: (socket: Socket) => void): void
}

/**
 * The part of a `WebSocket` of `ws` that this adapter needs.
 *
 * @example
 * ```ts
 * const isOpen = ({ readyState }: WebSocketLike): boolean => readyState === 1
 * ```
 */
export interface WebSocketLike extends GuardedSocket {
  readonly readyState: number
}

/**
 * Options of `acceptWebSockets`.
 *
 * @example
 * ```ts
 * const options: AcceptOptions<WebSocket, IncomingMessage> = {
 *   verifier,
 *   server,
 *   webSocketServer: new WebSocketServer({ noServer: true }),
 *   onConnection: (socket, claims) => socket.send(`hello ${claims.user_id}`),
 * }
 * ```
 */
export interface AcceptOptions<Socket extends WebSocketLike, Request extends UpgradeRequest> {
  readonly verifier: Pick<Verifier, 'verify' | 'redeemTicket' | 'guardSockets'>
  readonly server: UpgradingServer
  readonly webSocketServer: WebSocketAcceptor<Socket>
  /** Called once for each accepted socket. Replaces the event `connection`. */
  readonly onConnection: (socket: Socket, claims: Claims, request: Request) => void
  /** Replaces the check of `?ticket=` and the Authorization header. Refuses by throwing `TokenRefused`. */
  readonly authenticate?: (request: Request) => Promise<Claims>
  /** Called with any other error of `authenticate`. The upgrade then gets the status 500. */
  readonly onError?: (error: unknown) => void
}

/**
 * Accepts WebSockets with a valid ticket or access token, and refuses all others before the handshake with 401, 403, 410
 * or 503. Returns the guard of the accepted sockets, for renewals.
 *
 * @example
 * ```ts
 * const webSocketServer = new WebSocketServer({ noServer: true, path: '/ws' })
 * const guard = acceptWebSockets({
 *   verifier,
 *   server,
 *   webSocketServer,
 *   onConnection: (socket, claims) => socket.send(`hello ${claims.user_id}`),
 * })
 * ```
 */
export function acceptWebSockets<Socket extends WebSocketLike, Request extends UpgradeRequest>(
  options: AcceptOptions<Socket, Request>,
): SocketGuard {
  const { verifier, server, webSocketServer } = options
  const guard = verifier.guardSockets()
  const authenticate = options.authenticate ?? ((request: Request) => ticketOrBearer(verifier, request))

  const accept = async (request: Request, connection: Connection, head: unknown): Promise<void> => {
    let claims: Claims
    try {
      if (!(await webSocketServer.shouldHandle(request))) {
        // Another upgrade listener may serve this path. Without one, nobody else would respond.
        if (server.listenerCount('upgrade') === 1) refuse(connection, NOT_FOUND)
        return
      }
      claims = await authenticate(request)
    } catch (error) {
      if (!(error instanceof TokenRefused)) options.onError?.(error)
      refuse(connection, error instanceof TokenRefused ? refusalResponse(error) : FAILED)
      return
    }
    webSocketServer.handleUpgrade(request, connection, head, (socket) => {
      guard.hold(socket, claims)
      // If the session ended during the handshake, the guard has closed the socket already.
      if (socket.readyState === OPEN) options.onConnection(socket, claims, request)
    })
  }

  server.on('upgrade', (request: Request, connection: Connection, head: unknown) => {
    // Without a listener, a client that disconnects during the check would crash the process.
    connection.on('error', () => connection.destroy())
    void accept(request, connection, head)
  })
  return guard
}

async function ticketOrBearer(
  verifier: Pick<Verifier, 'verify' | 'redeemTicket'>,
  request: UpgradeRequest,
): Promise<Claims> {
  const tickets = ticketsIn(request.url ?? '')
  const [ticket] = tickets
  if (ticket === undefined) return authenticateBearer(verifier, request)
  if (tickets.length > 1) throw new TokenRefused('ticket_gone', { message: 'Send exactly one ticket.' })
  return verifier.redeemTicket(ticket, request.headers.origin)
}

/** `URL` would throw for some request targets. */
function ticketsIn(url: string): string[] {
  const queryAt = url.indexOf('?')
  return queryAt === -1 ? [] : new URLSearchParams(url.slice(queryAt + 1)).getAll('ticket')
}

const OPEN = 1
const NOT_FOUND: RefusalResponse = { status: 404, headers: { 'content-length': '0' }, body: '' }
const FAILED: RefusalResponse = { status: 500, headers: { 'content-length': '0' }, body: '' }

function refuse(connection: Connection, { status, headers, body }: RefusalResponse): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  connection.once('finish', () => connection.destroy())
  connection.end(
    `HTTP/1.1 ${status} ${PHRASES[status] ?? ''}\r\nconnection: close\r\n${lines.join('')}\r\n${body}`,
  )
}

const PHRASES: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  410: 'Gone',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
