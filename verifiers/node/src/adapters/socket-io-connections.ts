import type { GuardedSocket, SocketGuard } from '../socket-types.ts'
import type { Claims } from '../token-types.ts'
import type { SocketIoSocket } from './socket-io-socket.ts'

type Connection = SocketIoSocket['conn']

/**
 * Guards connections. A connection has a socket in each namespace that its client uses, so those of one session are
 * renewed and closed together. They may be of several sessions.
 */
export class SocketIoConnections {
  readonly #guard: SocketGuard
  readonly #byConnection = new WeakMap<Connection, Map<string, SharedConnection>>()
  readonly #bySocket = new WeakMap<SocketIoSocket, SharedConnection>()

  constructor(guard: SocketGuard) {
    this.#guard = guard
  }

  get size(): number {
    return this.#guard.size
  }

  /** Guards a socket that the middleware admits. It may be closed immediately. */
  add(socket: SocketIoSocket, claims: Claims): void {
    const shared = this.#of(socket.conn, claims.sid)
    this.#bySocket.set(socket, shared)
    shared.add(socket)
    if (shared.takesNewer(claims)) this.#guard.hold(shared, claims)
  }

  async renew(socket: SocketIoSocket, newToken: string): Promise<Claims> {
    const shared = this.#bySocket.get(socket)
    const claims = await this.#guard.renew(shared ?? NEVER_HELD, newToken)
    shared?.renewed(claims)
    return claims
  }

  #of(connection: Connection, sid: string): SharedConnection {
    const shared = this.#byConnection.get(connection) ?? new Map<string, SharedConnection>()
    this.#byConnection.set(connection, shared)
    const known = shared.get(sid)
    if (known !== undefined) return known
    const created = new SharedConnection(connection, () => {
      if (shared.get(sid) === created) shared.delete(sid)
      return shared.size === 0
    })
    shared.set(sid, created)
    return created
  }
}

/** The sockets of one session on one connection. Has no `terminate`: Socket.IO drops unresponsive clients itself. */
class SharedConnection implements GuardedSocket {
  /** Of the newest token. */
  #exp = -Infinity
  #gen = -Infinity
  readonly #connection: Connection
  /** Forgets this object. Returns true if the connection has no other session. */
  readonly #leave: () => boolean
  readonly #sockets = new Set<SocketIoSocket>()
  readonly #listeners = new Set<() => void>()
  readonly #onClose = (): void => this.#end()

  constructor(connection: Connection, leave: () => boolean) {
    this.#connection = connection
    this.#leave = leave
    connection.once('close', this.#onClose)
  }

  add(socket: SocketIoSocket): void {
    this.#sockets.add(socket)
    // A socket can leave its namespace while the connection stays.
    socket.once('disconnect', () => {
      this.#sockets.delete(socket)
      if (this.#sockets.size === 0) this.#end()
    })
  }

  /** Returns true if the claims are newer than all before. */
  takesNewer({ exp, gen }: Claims): boolean {
    const isNewer = exp > this.#exp || gen > this.#gen
    this.#exp = Math.max(this.#exp, exp)
    this.#gen = Math.max(this.#gen, gen)
    return isNewer
  }

  renewed(claims: Claims): void {
    this.takesNewer(claims)
    for (const socket of this.#sockets) {
      const { claims: before } = socket.data as { claims: Claims }
      if (claims.gen >= before.gen) Object.assign(socket.data as object, { claims })
    }
  }

  close(code: number, reason: string): void {
    const sockets = [...this.#sockets]
    // A socket that the client opens from now on is checked and held anew.
    const isAlone = this.#leave()
    for (const socket of sockets) if (socket.connected) socket.emit('session_ended', { code, reason })
    // Between the middleware and the event `connection`, `disconnect` has no effect.
    const isPending = sockets.some(({ connected }) => !connected)
    for (const socket of sockets) socket.disconnect(false)
    if (isAlone || isPending) this.#connection.close()
  }

  once(_event: 'close', listener: () => void): void {
    this.#listeners.add(listener)
  }

  #end(): void {
    this.#connection.off('close', this.#onClose)
    this.#leave()
    for (const listener of this.#listeners) listener()
    this.#listeners.clear()
  }
}

/** For sockets of namespaces that this guard does not know: `renew` refuses it. */
const NEVER_HELD: GuardedSocket = { close: () => undefined, once: () => undefined }
