import type { Claims } from './token-types.ts'

/**
 * The part of a socket that a guard needs. A `WebSocket` of `ws` has it; so can any other connection that can be closed.
 *
 * @example
 * ```ts
 * const guarded: GuardedSocket = {
 *   close: (code, reason) => connection.end(`${code} ${reason}`),
 *   once: (event, listener) => connection.once(event, listener),
 * }
 * ```
 */
export interface GuardedSocket {
  /** Starts the closing handshake (RFC 6455, section 7.1.2). */
  close(code: number, reason: string): void
  /** Cuts the connection. Called 5 seconds after `close` if the socket has not closed by then. */
  terminate?(): void
  once(event: 'close', listener: () => void): unknown
}

/**
 * A socket without events of its own, such as a `WebSocket` of uWebSockets.js. Call `guard.release(socket)` when it has
 * closed.
 *
 * @example
 * ```ts
 * app.ws('/ws', {
 *   open: (socket: SilentSocket & { getUserData(): { claims: Claims } }) =>
 *     guard.hold(socket, socket.getUserData().claims),
 *   close: (socket) => guard.release(socket),
 * })
 * ```
 */
export interface SilentSocket {
  readonly once?: undefined
  /** Starts the closing handshake (RFC 6455, section 7.1.2). No message arrives after it. */
  end(code: number, reason: string): unknown
  /** Cuts the connection. Called 5 seconds after `end` if the socket has not been released by then. */
  close(): unknown
}

/**
 * Closes sockets when their session or token stops being valid; created by `verifier.guardSockets()`.
 *
 * Close codes: 4401 for an ended session, 4408 for an expired or outdated token, 4503 for a stale verifier.
 *
 * @example
 * ```ts
 * const guard: SocketGuard = verifier.guardSockets()
 * guard.hold(socket, await verifier.redeemTicket(ticket, origin))
 * ```
 */
export interface SocketGuard {
  /**
   * Guards an open socket. Closes it immediately if its session has ended or its token has expired or is outdated.
   * Pass the claims object that `verify` or `redeemTicket` returned, not a copy.
   *
   * @example
   * ```ts
   * guard.hold(socket, await verifier.verify(token))
   * ```
   */
  hold(socket: GuardedSocket | SilentSocket, claims: Claims): void
  /**
   * Keeps a guarded socket open until a newer token of the same session expires. Throws `TokenRefused` and leaves the
   * socket as it was if the token is refused.
   *
   * @example
   * ```ts
   * const { exp } = await guard.renew(socket, newToken)
   * ```
   */
  renew(socket: GuardedSocket | SilentSocket, newToken: string): Promise<Claims>
  /**
   * Stops guarding a socket without closing it. Sockets that close are released by themselves, except a `SilentSocket`.
   *
   * @example
   * ```ts
   * guard.release(socket)
   * ```
   */
  release(socket: GuardedSocket | SilentSocket): void
  /** Number of guarded sockets. */
  readonly size: number
}
