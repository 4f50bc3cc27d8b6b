import type { GuardedSocket, SilentSocket } from '../socket-types.ts'
import type { Claims } from '../token-types.ts'

export type AnySocket = GuardedSocket | SilentSocket

interface HeldSocket {
  readonly socket: AnySocket
  readonly sid: string
  readonly userId: number
  /** The claims of the newest token it was accepted or renewed with. */
  claims: Claims
  /** Seconds, as in the token. */
  exp: number
}

/** The sockets that are held, and whose they are. */
export class HeldSockets {
  readonly #held = new Map<AnySocket, HeldSocket>()
  readonly #bySid = new Map<string, Set<HeldSocket>>()
  readonly #byUserId = new Map<number, Set<HeldSocket>>()
  readonly #byExp = new Map<number, Set<HeldSocket>>()

  get size(): number {
    return this.#held.size
  }

  find(socket: AnySocket): HeldSocket | undefined {
    return this.#held.get(socket)
  }

  add(socket: AnySocket, claims: Claims): void {
    const { sid, user_id: userId, exp } = claims
    const held = { socket, sid, userId, claims, exp }
    this.#held.set(socket, held)
    addTo(this.#bySid, sid, held)
    addTo(this.#byUserId, userId, held)
    addTo(this.#byExp, exp, held)
  }

  remove(socket: AnySocket): void {
    const held = this.#held.get(socket)
    if (held === undefined) return
    this.#held.delete(socket)
    removeFrom(this.#bySid, held.sid, held)
    removeFrom(this.#byUserId, held.userId, held)
    removeFrom(this.#byExp, held.exp, held)
  }

  moveExpiry(held: HeldSocket, exp: number): void {
    removeFrom(this.#byExp, held.exp, held)
    held.exp = exp
    addTo(this.#byExp, exp, held)
  }

  of(subject: { sid: string } | { userId: number }): readonly HeldSocket[] {
    const held = 'sid' in subject ? this.#bySid.get(subject.sid) : this.#byUserId.get(subject.userId)
    return [...(held ?? [])]
  }

  all(): readonly HeldSocket[] {
    return [...this.#held.values()]
  }

  expiredAt(nowMs: number): readonly HeldSocket[] {
    return [...this.#byExp].flatMap(([exp, sockets]) => (exp * 1000 <= nowMs ? [...sockets] : []))
  }

  /** Seconds; `Infinity` if no socket is held. */
  earliestExpiry(): number {
    let earliest = Infinity
    for (const exp of this.#byExp.keys()) earliest = Math.min(earliest, exp)
    return earliest
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
