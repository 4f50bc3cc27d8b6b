/**
 * The part of a Socket.IO server socket that this adapter needs.
 *
 * @example
 * ```ts
 * const renew = (socket: SocketIoSocket, token: string) => sessions.renew(socket, token)
 * ```
 */
export interface SocketIoSocket {
  readonly handshake: {
    readonly auth: Readonly<Record<string, unknown>>
    readonly headers: { readonly origin?: string | undefined }
  }
  readonly connected: boolean
  /** The application declares its type. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any
  readonly conn: {
    once(event: 'close', listener: () => void): unknown
    off(event: 'close', listener: () => void): unknown
    close(): unknown
  }
  // The application declares the arguments of its events.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  emit(event: any, ...values: any[]): unknown
  once(event: 'disconnect', listener: () => void): unknown
  disconnect(close: boolean): unknown
}
