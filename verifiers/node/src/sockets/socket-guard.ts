import { systemClock, type Clock } from '../clock.ts'
import { TokenRefused } from '../token/token-refused.ts'
import type { GuardedSocket, SocketGuard } from '../socket-types.ts'
import type { Claims } from '../token-types.ts'
import { ClosingHandshakes, isSilent, type Closing } from './closing-handshakes.ts'
import type { GuardSource } from './guard-source.ts'
import { HeldSockets, type AnySocket } from './held-sockets.ts'

type Timers = Pick<Clock, 'after'>

const SESSION_ENDED: Closing = { code: 4401, reason: 'session ended' }
const TOKEN_EXPIRED: Closing = { code: 4408, reason: 'token expired' }
const TOKEN_OUTDATED: Closing = { code: 4408, reason: 'token outdated' }
const TRY_LATER: Closing = { code: 4503, reason: 'try later' }

/** Expiry is checked at least this often: the service's time may change, and timers are limited to 2^31-1 ms. */
const MAX_CHECK_DELAY_MS = 5_000

/** Returns a guard that closes sockets when their session ends, their token expires, or the verifier is stale or closes. */
export const createSocketGuard = (source: GuardSource, timers: Timers = systemClock): SocketGuard =>
  new IndexedSocketGuard(source, timers)

class IndexedSocketGuard implements SocketGuard {
  readonly #source: GuardSource
  readonly #timers: Timers
  readonly #held = new HeldSockets()
  readonly #handshakes: ClosingHandshakes
  readonly #watched = new WeakSet<GuardedSocket>()
  #nextCheckAt = Infinity
  #cancelCheck: () => void = () => undefined

  constructor(source: GuardSource, timers: Timers) {
    this.#source = source
    this.#timers = timers
    this.#handshakes = new ClosingHandshakes(timers)
    source.onSessionEnded(({ sid }) => this.#closeEach(this.#held.of({ sid }), SESSION_ENDED))
    source.onTokensOutdated((subject) => {
      const outdated = this.#held.of(subject).filter(({ claims }) => source.isOutdated(claims))
      this.#closeEach(outdated, TOKEN_OUTDATED)
    })
    source.onStale(() => {
      if (source.isRefusing()) this.#closeEach(this.#held.all(), TRY_LATER)
    })
    source.onClosed((closesSockets) => {
      this.#cancelCheck()
      if (closesSockets) this.#closeEach(this.#held.all(), TRY_LATER)
      else for (const { socket } of this.#held.all()) this.#held.remove(socket)
    })
  }

  get size(): number {
    return this.#held.size
  }

  hold(socket: AnySocket, claims: Claims): void {
    if (!isSilent(socket)) this.#watch(socket)
    this.#held.remove(socket)
    if (this.#handshakes.has(socket)) return
    // Events between the check of the token and this call were delivered before the socket was held.
    const closing = this.#closingFor(claims)
    if (closing !== undefined) {
      this.#handshakes.begin([socket], closing)
      return
    }
    this.#held.add(socket, claims)
    this.#noteExpiry(claims.exp)
  }

  async renew(socket: AnySocket, newToken: string): Promise<Claims> {
    const claims = await this.#source.verify(newToken)
    // Looked up after the await, because the socket may have been closed in the meantime.
    const held = this.#held.find(socket)
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
    if (claims.exp > held.exp) {
      this.#held.moveExpiry(held, claims.exp)
      this.#noteExpiry(claims.exp)
    }
    return claims
  }

  release(socket: AnySocket): void {
    this.#held.remove(socket)
    // Its application calls this when it has closed.
    if (isSilent(socket)) this.#handshakes.end(socket)
  }

  #closingFor(claims: Claims): Closing | undefined {
    const { sid, exp } = claims
    if (this.#source.isClosed()) return TRY_LATER
    if (this.#source.endReasonOf(sid) !== undefined) return SESSION_ENDED
    if (exp * 1000 <= Math.max(this.#source.serviceNow(), this.#source.forgottenUpTo())) return TOKEN_EXPIRED
    if (this.#source.isOutdated(claims)) return TOKEN_OUTDATED
    return this.#source.isRefusing() ? TRY_LATER : undefined
  }

  #watch(socket: GuardedSocket): void {
    if (this.#watched.has(socket)) return
    this.#watched.add(socket)
    socket.once('close', () => {
      this.#held.remove(socket)
      this.#handshakes.end(socket)
    })
  }

  #noteExpiry(exp: number): void {
    if (exp * 1000 < this.#nextCheckAt) this.#scheduleCheck()
  }

  #scheduleCheck(): void {
    this.#cancelCheck()
    this.#nextCheckAt = Infinity
    if (this.#held.size === 0) return
    const now = this.#source.serviceNow()
    this.#nextCheckAt = Math.min(now + MAX_CHECK_DELAY_MS, this.#held.earliestExpiry() * 1000)
    const delay = Math.max(1, Math.ceil(this.#nextCheckAt - now))
    this.#cancelCheck = this.#timers.after(delay, () => this.#closeExpired())
  }

  #closeExpired(): void {
    this.#closeEach(this.#held.expiredAt(this.#source.serviceNow()), TOKEN_EXPIRED)
    this.#scheduleCheck()
  }

  #closeEach(held: readonly { readonly socket: AnySocket }[], closing: Closing): void {
    const sockets = held.map(({ socket }) => socket)
    for (const socket of sockets) this.#held.remove(socket)
    this.#handshakes.begin(sockets, closing)
  }
}
