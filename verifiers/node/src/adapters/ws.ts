import { TokenRefused } from '../token-refused.ts'
import type { Claims, GuardedSocket, SocketGuard, Verifier } from '../types.ts'
import type { RequestHead } from './bearer-token.ts'
import { authenticate as authenticateBearer } from './http.ts'
import { refusalAnswer, type RefusalAnswer } from './refusal-answer.ts'

/** As much of `http.IncomingMessage` as an upgrade takes. */
export interface UpgradeRequest extends RequestHead {
  readonly url?: string | undefined
  readonly headers: { readonly authorization?: string | undefined; readonly origin?: string | undefined }
}

/** As much of `net.Socket` as it takes to refuse an upgrade. */
interface Connection {
  on(event: 'error', listener: () => void): unknown
  once(event: 'finish', listener: () => void): unknown
  end(text: string): unknown
  destroy(): unknown
}

/** As much of `http.Server` as upgrades take. */
interface UpgradingServer {
  // The arguments are Node's; a narrower type would not fit the servers of `node:http` and `node:https` both.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  on(event: 'upgrade', listener: (request: any, connection: any, head: any) => void): unknown
  listenerCount(event: 'upgrade'): number
}

/** A `WebSocketServer` of `ws`, made with `noServer: true`. */
interface WebSocketAcceptor<Socket extends WebSocketLike> {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  shouldHandle(request: any): boolean | Promise<boolean>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  handleUpgrade(request: any, connection: any, head: any, done: (socket: Socket) => void): void
}

export interface WebSocketLike extends GuardedSocket {
  readonly readyState: number
}

export interface AcceptOptions<Socket extends WebSocketLike, Request extends UpgradeRequest> {
  readonly verifier: Pick<Verifier, 'verify' | 'redeemTicket' | 'guardSockets'>
  readonly server: UpgradingServer
  readonly webSocketServer: WebSocketAcceptor<Socket>
  /** Called once for each socket that was let in, in the place of the event `connection`. */
  readonly onConnection: (socket: Socket, claims: Claims, request: Request) => void
  /** Where the token or ticket is, if not in `?ticket=` or the Authorization header. Refuses with TokenRefused. */
  readonly authenticate?: (request: Request) => Promise<Claims>
  /** Told what `authenticate` throws beside refusals; such an upgrade is answered 500. */
  readonly onError?: (error: unknown) => void
}

/**
 * Lets in WebSockets with a valid ticket or token, refuses the others before the handshake, and holds each open one
 * in the guard it answers with, for renewals.
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
        // Another listener may serve this path; alone, nobody else would ever answer.
        if (server.listenerCount('upgrade') === 1) refuse(connection, NOT_FOUND)
        return
      }
      claims = await authenticate(request)
    } catch (error) {
      if (!(error instanceof TokenRefused)) options.onError?.(error)
      refuse(connection, error instanceof TokenRefused ? refusalAnswer(error) : FAILED)
      return
    }
    webSocketServer.handleUpgrade(request, connection, head, (socket) => {
      guard.hold(socket, claims)
      // The session may have ended during the handshake: then the guard has closed the socket already.
      if (socket.readyState === OPEN) options.onConnection(socket, claims, request)
    })
  }

  server.on('upgrade', (request: Request, connection: Connection, head: unknown) => {
    // A client that hangs up while its ticket is being redeemed must not take the process down.
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
  if (tickets.length > 1) throw new TokenRefused('ticket_gone', { message: 'Send one ticket.' })
  return verifier.redeemTicket(ticket, request.headers.origin)
}

/** `URL` would throw at some of what clients send as a path. */
function ticketsIn(url: string): string[] {
  const queryAt = url.indexOf('?')
  return queryAt === -1 ? [] : new URLSearchParams(url.slice(queryAt + 1)).getAll('ticket')
}

const OPEN = 1
const NOT_FOUND: RefusalAnswer = { status: 404, headers: { 'content-length': '0' }, body: '' }
const FAILED: RefusalAnswer = { status: 500, headers: { 'content-length': '0' }, body: '' }

function refuse(connection: Connection, { status, headers, body }: RefusalAnswer): void {
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
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}
