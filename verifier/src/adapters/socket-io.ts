import { TokenRefused } from '../token-refused.ts'
import type { Claims, GuardedSocket, SocketGuard, Verifier } from '../types.ts'
import { TokenMissing } from './bearer-token.ts'
import { problemDetails } from './refusal-answer.ts'

/** As much of a Socket.IO server socket as it takes to admit and to close it. */
export interface SocketIoSocket {
  readonly handshake: {
    readonly auth: Readonly<Record<string, unknown>>
    readonly headers: { readonly origin?: string | undefined }
  }
  readonly connected: boolean
  readonly nsp: { readonly server: object }
  /** Socket.IO leaves it to the application what is in there. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any
  readonly conn: {
    once(event: 'close', listener: () => void): unknown
    off(event: 'close', listener: () => void): unknown
    close(): unknown
  }
  // The arguments of an event are the application's to declare.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  emit(event: any, ...values: any[]): unknown
  once(event: 'disconnect', listener: () => void): unknown
  off(event: 'disconnect', listener: () => void): unknown
  disconnect(close: boolean): unknown
}

type SessionVerifier = Pick<Verifier, 'verify' | 'redeemTicket'>
export type Middleware = (socket: SocketIoSocket, next: (error?: Error) => void) => void

/**
 * Socket.IO middleware: takes `ticket` or `token` from the handshake's `auth`, puts the claims into
 * `socket.data.claims`, and has the guard hold the socket. A refused client gets `connect_error` with `data.code`;
 * one whose session ends gets `session_ended` with `{ code, reason }`, then the connection closes.
 */
export const requireSession =
  (verifier: SessionVerifier, guard: SocketGuard): Middleware =>
  (socket, next) => {
    if (skipsMiddleware(socket.nsp.server)) {
      next(
        new Error('Set connectionStateRecovery.skipMiddlewares to false: recovered sockets are not checked.'),
      )
      return
    }
    admit(verifier, socket).then(
      (claims) => {
        Object.assign(socket.data as object, { claims })
        guard.hold(guarded(socket), claims)
        next()
      },
      (error: unknown) =>
        next(error instanceof TokenRefused ? connectError(error) : new Error('internal_error')),
    )
  }

/** The form in which a guard holds a Socket.IO socket; needed for `guard.renew(guarded(socket), token)`. */
export function guarded(socket: SocketIoSocket): GuardedSocket {
  const known = forms.get(socket)
  if (known !== undefined) return known
  const form = formOf(socket)
  forms.set(socket, form)
  return form
}

const forms = new WeakMap<SocketIoSocket, GuardedSocket>()

/** Socket.IO's default with connection state recovery; a client would come back unchecked after its session ended. */
const skipsMiddleware = (server: {
  opts?: { connectionStateRecovery?: { skipMiddlewares?: boolean } }
}): boolean => server.opts?.connectionStateRecovery?.skipMiddlewares === true

async function admit(verifier: SessionVerifier, { handshake }: SocketIoSocket): Promise<Claims> {
  const { ticket, token } = handshake.auth
  // Anything may be in there; the verifier refuses what is no string.
  if (ticket !== undefined) return verifier.redeemTicket(ticket as string, handshake.headers.origin)
  if (token === undefined) throw new TokenMissing()
  return verifier.verify(token as string)
}

/** Socket.IO hands `message` and `data` to the client. */
function connectError(refusal: TokenRefused): Error {
  const { code, detail, reason } = problemDetails(refusal)
  return Object.assign(new Error(code), { data: { code, detail, reason } })
}

/** No `terminate`: a closed Socket.IO socket is deaf at once, and its server drops a client that does not answer. */
const formOf = (socket: SocketIoSocket): GuardedSocket => ({
  close(code, reason) {
    if (socket.connected) {
      socket.emit('session_ended', { code, reason })
      socket.disconnect(true)
    } else {
      // Between the middleware and `connection`, where `disconnect` does nothing yet.
      socket.conn.close()
    }
  },
  once(_event, listener) {
    const closed = (): void => {
      socket.off('disconnect', closed)
      socket.conn.off('close', closed)
      listener()
    }
    // A socket may leave its namespace and keep the connection, or lose it before it ever was connected.
    socket.once('disconnect', closed)
    socket.conn.once('close', closed)
  },
})
