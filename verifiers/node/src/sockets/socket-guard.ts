import { systemClock, type Clock } from './clock.ts'
import { TokenRefused } from './token-refused.ts'
import type { Claims, GuardedSocket, GuardSource, SocketGuard } from './types.ts'

type Timers = Pick<Clock, 'after'>

/** Why a socket is closed: the code and the reason of its close frame. */
const SESSION_ENDED = { code: 4401, reason: 'session ended' }
const TOKEN_EXPIRED = { code: 4408, reason: 'token expired' }
const TOKEN_OUTDATED = { code: 4408, reason: 'token outdated' }
const TRY_LATER = { code: 4503, reason: 'try later' }
type Closing = typeof SESSION_ENDED

/** How long a client may take to answer the closing handshake. */
const HANDSHAKE_MS = 5_000

/** A close frame costs some 50 µs; thousands in one go would keep everybody else waiting. */
const CLOSED_AT_ONCE = 200

/** The service's time may be corrected while a timer runs, and no timer holds more than 2^31-1 ms: look again. */
const LOOK_AGAIN_MS = 5_000

/** A socket that is an emitter of messages, as those of `ws` are. */
type MessageEmitter = GuardedSocket & { removeAllListeners?(event: 'message'): unknown }

interface Held {
  readonly socket: GuardedSocket
  readonly sid: string
  readonly userId: number
  /** Of the newest token it was let in or renewed with. */
  claims: Claims
  /** Seconds, as in the token. */
  exp: number
}

/** A guard that closes sockets as their session, their token or the news of the service runs out. */
export const createSocketGuard = (source: GuardSource, timers: Timers = systemClock): SocketGuard =>
  new IndexedSocketGuard(source, timers)

class IndexedSocketGuard implements SocketGuard {
  readonly #source: GuardSource
  readonly #timers: Timers
  readonly #held = new Map<GuardedSocket, Held>()
  readonly #bySid = new Map<string, Set<Held>>()
  readonly #byExp = new Map<number, Set<Held>>()
  /** How to call off the cut of each socket that has yet to answer. */
  readonly #closing = new Map<GuardedSocket, () => void>()
  readonly #watched = new WeakSet<GuardedSocket>()
  #nextLookAt = Infinity
  #stopLooking: () => void = nothing

  constructor(source: GuardSource, timers: Timers) {
    this.#source = source
    this.#timers = timers
    source.onSessionEnded(({ sid }) => this.#closeEach(this.#bySid.get(sid) ?? [], SESSION_ENDED))
    source.onTokensOutdated((sid) => {
      const outdated = [...(this.#bySid.get(sid) ?? [])].filter(({ claims }) => source.isOutdated(claims))
      this.#closeEach(outdated, TOKEN_OUTDATED)
    })
    source.onStale(() => {
      if (source.isRefusing()) this.#closeEach(this.#held.values(), TRY_LATER)
    })
  }

  get size(): number {
    return this.#held.size
  }

  hold(socket: GuardedSocket, claims: Claims): void {
    this.#watch(socket)
    this.release(socket)
    if (this.#closing.has(socket)) return
    // What came to pass between the check of the token and this call was announced before the socket was known here.
    const closing = this.#closingFor(claims)
    if (closing !== undefined) {
      this.#silence(socket)
      this.#send(socket, closing)
      return
    }
    const { sid, user_id: userId, exp } = claims
    const held = { socket, sid, userId, claims, exp }
    this.#held.set(socket, held)
    addTo(this.#bySid, held.sid, held)
    this.#expireAt(held, exp)
  }

  async renew(socket: GuardedSocket, newToken: string): Promise<Claims> {
    const claims = await this.#source.verify(newToken)
    // Asked after the wait: the socket may have been closed meanwhile.
    const held = this.#held.get(socket)
    if (held === undefined) {
      throw new TokenRefused('expired', {
        message: 'This socket is closed or was never held; open a new one.',
      })
    }
    if (claims.sid !== held.sid || claims.user_id !== held.userId) {
      throw new TokenRefused('invalid_claims', {
        message: 'A socket is renewed by a token of its own session.',
      })
    }
    if (claims.gen > held.claims.gen) held.claims = claims
    if (claims.exp > held.exp) this.#expireAt(held, claims.exp)
    return claims
  }

  release(socket: GuardedSocket): void {
    const held = this.#held.get(socket)
    if (held === undefined) return
    this.#held.delete(socket)
    removeFrom(this.#bySid, held.sid, held)
    removeFrom(this.#byExp, held.exp, held)
  }

  #closingFor(claims: Claims): Closing | undefined {
    const { sid, exp } = claims
    if (this.#source.endReasonOf(sid) !== undefined) return SESSION_ENDED
    if (exp * 1000 <= this.#source.serviceNow()) return TOKEN_EXPIRED
    if (this.#source.isOutdated(claims)) return TOKEN_OUTDATED
    return this.#source.isRefusing() ? TRY_LATER : undefined
  }

  #watch(socket: GuardedSocket): void {
    if (this.#watched.has(socket)) return
    this.#watched.add(socket)
    socket.once('close', () => {
      this.release(socket)
      this.#closing.get(socket)?.()
      this.#closing.delete(socket)
    })
  }

  #expireAt(held: Held, exp: number): void {
    removeFrom(this.#byExp, held.exp, held)
    held.exp = exp
    addTo(this.#byExp, exp, held)
    if (exp * 1000 < this.#nextLookAt) this.#lookAgain()
  }

  #lookAgain(): void {
    this.#stopLooking()
    this.#nextLookAt = Infinity
    if (this.#byExp.size === 0) return
    const now = this.#source.serviceNow()
    let next = now + LOOK_AGAIN_MS
    for (const exp of this.#byExp.keys()) next = Math.min(next, exp * 1000)
    this.#nextLookAt = next
    this.#stopLooking = this.#timers.after(Math.max(1, Math.ceil(next - now)), () => this.#closeExpired())
  }

  #closeExpired(): void {
    const now = this.#source.serviceNow()
    for (const [exp, sockets] of [...this.#byExp]) {
      if (exp * 1000 <= now) this.#closeEach(sockets, TOKEN_EXPIRED)
    }
    this.#lookAgain()
  }

  #closeEach(held: Iterable<Held>, closing: Closing): void {
    const sockets = [...held].map(({ socket }) => socket)
    for (const socket of sockets) this.#silence(socket)
    this.#sendEach(sockets, closing)
  }

  /** Until a client answers the close frame, what it sends would reach the application: nobody shall listen. */
  #silence(socket: GuardedSocket): void {
    this.release(socket)
    this.#closing.set(socket, nothing)
    succeeds(() => (socket as MessageEmitter).removeAllListeners?.('message'))
  }

  #sendEach(sockets: readonly GuardedSocket[], closing: Closing): void {
    for (const socket of sockets.slice(0, CLOSED_AT_ONCE)) this.#send(socket, closing)
    const rest = sockets.slice(CLOSED_AT_ONCE)
    if (rest.length > 0) this.#timers.after(0, () => this.#sendEach(rest, closing))
  }

  #send(socket: GuardedSocket, { code, reason }: Closing): void {
    // It may have closed by itself before its turn came.
    if (!this.#closing.has(socket)) return
    this.#closing.set(
      socket,
      this.#timers.after(HANDSHAKE_MS, () => this.#terminate(socket)),
    )
    if (!succeeds(() => socket.close(code, reason))) this.#terminate(socket)
  }

  #terminate(socket: GuardedSocket): void {
    this.#closing.get(socket)?.()
    this.#closing.delete(socket)
    succeeds(() => socket.terminate?.())
  }
}

const nothing = (): void => undefined

/** Whether `action` ran through. One socket that throws must not keep the others open. */
function succeeds(action: () => void): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}

function addTo<Key>(index: Map<Key, Set<Held>>, key: Key, held: Held): void {
  const sockets = index.get(key)
  if (sockets === undefined) index.set(key, new Set([held]))
  else sockets.add(held)
}

function removeFrom<Key>(index: Map<Key, Set<Held>>, key: Key, held: Held): void {
  const sockets = index.get(key)
  if (sockets?.delete(held) === true && sockets.size === 0) index.delete(key)
}
