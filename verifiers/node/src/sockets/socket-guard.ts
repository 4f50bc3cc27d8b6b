import { systemClock, type Clock } from '../clock.ts'
import { TokenRefused } from '../token/token-refused.ts'
import type { GuardedSocket, SilentSocket, SocketGuard } from '../socket-types.ts'
import type { Claims } from '../token-types.ts'
import type { GuardSource } from './guard-source.ts'

type Timers = Pick<Clock, 'after'>

/** Code and reason of the close frame (RFC 6455, section 7.4; codes from 4000 are for applications). */
const SESSION_ENDED = { code: 4401, reason: 'session ended' }
const TOKEN_EXPIRED = { code: 4408, reason: 'token expired' }
const TOKEN_OUTDATED = { code: 4408, reason: 'token outdated' }
const TRY_LATER = { code: 4503, reason: 'try later' }
type Closing = typeof SESSION_ENDED

/** How long a client may take to complete the closing handshake. */
const HANDSHAKE_TIMEOUT_MS = 5_000

/** A close frame takes about 50 µs. Thousands in one turn would block the event loop. */
const CLOSE_BATCH = 200

/** Expiry is checked at least this often: the service's time may change, and timers are limited to 2^31-1 ms. */
const MAX_CHECK_DELAY_MS = 5_000

type AnySocket = GuardedSocket | SilentSocket

/** A socket that emits messages, such as those of `ws`. */
type MessageEmitter = GuardedSocket & { removeAllListeners?(event: 'message'): unknown }

interface HeldSocket {
  readonly socket: AnySocket
  readonly sid: string
  readonly userId: number
  /** The claims of the newest token it was accepted or renewed with. */
  claims: Claims
  /** Seconds, as in the token. */
  exp: number
}

/** Returns a guard that closes sockets when their session ends, their token expires, or the verifier is stale. */
export const createSocketGuard = (source: GuardSource, timers: Timers = systemClock): SocketGuard =>
  new IndexedSocketGuard(source, timers)

class IndexedSocketGuard implements SocketGuard {
  readonly #source: GuardSource
  readonly #timers: Timers
  readonly #held = new Map<AnySocket, HeldSocket>()
  readonly #bySid = new Map<string, Set<HeldSocket>>()
  readonly #byUserId = new Map<number, Set<HeldSocket>>()
  readonly #byExp = new Map<number, Set<HeldSocket>>()
  /** Sockets in their closing handshake, with the function that cancels its timeout. */
  readonly #closing = new Map<AnySocket, () => void>()
  readonly #watched = new WeakSet<GuardedSocket>()
  #nextCheckAt = Infinity
  #cancelCheck: () => void = nothing

  constructor(source: GuardSource, timers: Timers) {
    this.#source = source
    this.#timers = timers
    source.onSessionEnded(({ sid }) => this.#closeEach(this.#bySid.get(sid) ?? [], SESSION_ENDED))
    source.onTokensOutdated((subject) => {
      const held = 'sid' in subject ? this.#bySid.get(subject.sid) : this.#byUserId.get(subject.userId)
      const outdated = [...(held ?? [])].filter(({ claims }) => source.isOutdated(claims))
      this.#closeEach(outdated, TOKEN_OUTDATED)
    })
    source.onStale(() => {
      if (source.isRefusing()) this.#closeEach(this.#held.values(), TRY_LATER)
    })
  }

  get size(): number {
    return this.#held.size
  }

  hold(socket: AnySocket, claims: Claims): void {
    if (!isSilent(socket)) this.#watch(socket)
    this.#letGo(socket)
    if (this.#closing.has(socket)) return
    // Events between the check of the token and this call were delivered before the socket was held.
    const closing = this.#closingFor(claims)
    if (closing !== undefined) {
      this.#silence(socket)
      this.#send(socket, closing)
      return
    }
    const { sid, user_id: userId, exp } = claims
    const held = { socket, sid, userId, claims, exp }
    this.#held.set(socket, held)
    addTo(this.#bySid, sid, held)
    addTo(this.#byUserId, userId, held)
    this.#expireAt(held, exp)
  }

  async renew(socket: AnySocket, newToken: string): Promise<Claims> {
    const claims = await this.#source.verify(newToken)
    // Looked up after the await, because the socket may have been closed in the meantime.
    const held = this.#held.get(socket)
    if (held === undefined) {
      throw new TokenRefused('expired', {
        message: 'This socket is closed or was never held. Open a new one.',
      })
    }
    if (claims.sid !== held.sid || claims.user_id !== held.userId) {
      throw new TokenRefused('invalid_claims', {
        message: 'The token belongs to another session. Renew a socket with a token of its own session.',
      })
    }
    if (claims.gen > held.claims.gen) held.claims = claims
    if (claims.exp > held.exp) this.#expireAt(held, claims.exp)
    return claims
  }

  release(socket: AnySocket): void {
    this.#letGo(socket)
    // Its application calls this when it has closed.
    if (isSilent(socket)) this.#hasClosed(socket)
  }

  #letGo(socket: AnySocket): void {
    const held = this.#held.get(socket)
    if (held === undefined) return
    this.#held.delete(socket)
    removeFrom(this.#bySid, held.sid, held)
    removeFrom(this.#byUserId, held.userId, held)
    removeFrom(this.#byExp, held.exp, held)
  }

  #closingFor(claims: Claims): Closing | undefined {
    const { sid, exp } = claims
    if (this.#source.endReasonOf(sid) !== undefined) return SESSION_ENDED
    if (exp * 1000 <= Math.max(this.#source.serviceNow(), this.#source.forgottenUpTo())) return TOKEN_EXPIRED
    if (this.#source.isOutdated(claims)) return TOKEN_OUTDATED
    return this.#source.isRefusing() ? TRY_LATER : undefined
  }

  #watch(socket: GuardedSocket): void {
    if (this.#watched.has(socket)) return
    this.#watched.add(socket)
    socket.once('close', () => {
      this.#letGo(socket)
      this.#hasClosed(socket)
    })
  }

  #hasClosed(socket: AnySocket): void {
    this.#closing.get(socket)?.()
    this.#closing.delete(socket)
  }

  #expireAt(held: HeldSocket, exp: number): void {
    removeFrom(this.#byExp, held.exp, held)
    held.exp = exp
    addTo(this.#byExp, exp, held)
    if (exp * 1000 < this.#nextCheckAt) this.#scheduleCheck()
  }

  #scheduleCheck(): void {
    this.#cancelCheck()
    this.#nextCheckAt = Infinity
    if (this.#byExp.size === 0) return
    const now = this.#source.serviceNow()
    let next = now + MAX_CHECK_DELAY_MS
    for (const exp of this.#byExp.keys()) next = Math.min(next, exp * 1000)
    this.#nextCheckAt = next
    this.#cancelCheck = this.#timers.after(Math.max(1, Math.ceil(next - now)), () => this.#closeExpired())
  }

  #closeExpired(): void {
    const now = this.#source.serviceNow()
    for (const [exp, sockets] of [...this.#byExp]) {
      if (exp * 1000 <= now) this.#closeEach(sockets, TOKEN_EXPIRED)
    }
    this.#scheduleCheck()
  }

  #closeEach(held: Iterable<HeldSocket>, closing: Closing): void {
    const sockets = [...held].map(({ socket }) => socket)
    for (const socket of sockets) this.#silence(socket)
    // Nothing but its end stops the messages of a silent socket.
    for (const socket of sockets.filter(isSilent)) this.#send(socket, closing)
    this.#sendEach(
      sockets.filter((socket) => !isSilent(socket)),
      closing,
    )
  }

  /** Removes the message listeners: until the client completes the handshake, its messages would still arrive. */
  #silence(socket: AnySocket): void {
    this.#letGo(socket)
    this.#closing.set(socket, nothing)
    tryTo(() => (socket as MessageEmitter).removeAllListeners?.('message'))
  }

  #sendEach(sockets: readonly AnySocket[], closing: Closing): void {
    for (const socket of sockets.slice(0, CLOSE_BATCH)) this.#send(socket, closing)
    const rest = sockets.slice(CLOSE_BATCH)
    if (rest.length > 0) this.#timers.after(0, () => this.#sendEach(rest, closing))
  }

  #send(socket: AnySocket, { code, reason }: Closing): void {
    // The client may have closed it before its turn.
    if (!this.#closing.has(socket)) return
    this.#closing.set(
      socket,
      this.#timers.after(HANDSHAKE_TIMEOUT_MS, () => this.#terminate(socket)),
    )
    const hasClosed = tryTo(() => {
      if (isSilent(socket)) socket.end(code, reason)
      else socket.close(code, reason)
    })
    if (!hasClosed) this.#terminate(socket)
  }

  #terminate(socket: AnySocket): void {
    this.#hasClosed(socket)
    tryTo(() => {
      if (isSilent(socket)) socket.close()
      else socket.terminate?.()
    })
  }
}

const isSilent = (socket: AnySocket): socket is SilentSocket => typeof socket.once !== 'function'

const nothing = (): void => undefined

/** Returns false if `action` throws. A socket that throws must not keep the others open. */
function tryTo(action: () => void): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}

function addTo<Key>(index: Map<Key, Set<HeldSocket>>, key: Key, held: HeldSocket): void {
  const sockets = index.get(key)
  if (sockets === undefined) index.set(key, new Set([held]))
  else sockets.add(held)
}

function removeFrom<Key>(index: Map<Key, Set<HeldSocket>>, key: Key, held: HeldSocket): void {
  const sockets = index.get(key)
  if (sockets?.delete(held) === true && sockets.size === 0) index.delete(key)
}
