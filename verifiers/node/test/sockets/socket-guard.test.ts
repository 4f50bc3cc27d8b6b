import { EventEmitter } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../../src/clock.ts'
import { createSocketGuard } from '../../src/sockets/socket-guard.ts'
import type { GuardedSocket, SocketGuard } from '../../src/socket-types.ts'
import { FakeVerifier, noon, sid, someClaims } from '../adapters/fake-verifier.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Timers that go off when the test says how much time has passed. */
class ManualTimers implements Pick<Clock, 'after'> {
  readonly longest: number[] = []
  readonly #pending = new Map<() => void, number>()
  #now = 0

  readonly after: Clock['after'] = (delayMs, action) => {
    this.longest.push(delayMs)
    const fire = (): void => action()
    this.#pending.set(fire, this.#now + delayMs)
    return () => this.#pending.delete(fire)
  }

  get pending(): number {
    return this.#pending.size
  }

  /** Lets time pass, timer by timer; `clock` hears of every step before its timers do. */
  pass(ms: number, clock: (stepMs: number) => void): void {
    const end = this.#now + ms
    for (;;) {
      const next = [...this.#pending].sort(([, a], [, b]) => a - b)[0]
      const at = next === undefined || next[1] > end ? end : next[1]
      clock(at - this.#now)
      this.#now = at
      if (next === undefined || next[1] > end) return
      this.#pending.delete(next[0])
      next[0]()
    }
  }
}

/** A client that completes the closing handshake only on request. */
class FakeSocket extends EventEmitter implements GuardedSocket {
  closedWith: { code: number; reason: string } | undefined
  terminated = false

  close(code: number, reason: string): void {
    this.closedWith = { code, reason }
  }

  terminate(): void {
    this.terminated = true
    this.emit('close')
  }
}

class ThrowingSocket extends FakeSocket {
  override close(): void {
    throw new Error('this socket is broken')
  }
}

let verifier: FakeVerifier
let timers: ManualTimers
let guard: SocketGuard

const pass = (ms: number): void => timers.pass(ms, (step) => (verifier.now += step / 1000))

function held(changes: Parameters<typeof someClaims>[0] = {}, socket = new FakeSocket()): FakeSocket {
  guard.hold(socket, someClaims(changes))
  return socket
}

beforeEach(() => {
  verifier = new FakeVerifier()
  timers = new ManualTimers()
  guard = createSocketGuard(verifier, timers)
})

const sessionEnded = { code: 4401, reason: 'session ended' }
const tokenExpired = { code: 4408, reason: 'token expired' }
const tokenOutdated = { code: 4408, reason: 'token outdated' }
const tryLater = { code: 4503, reason: 'try later' }

describe('when a session ends', () => {
  test('an ended session closes all of its sockets with 4401, and no others', () => {
    const [one, two] = [held({ sid: sid(1) }), held({ sid: sid(1) })]
    const [other, otherOfSameUser] = [held({ sid: sid(2), user_id: 8 }), held({ sid: sid(3) })]
    verifier.end(sid(1))
    expect([one.closedWith, two.closedWith]).toEqual([sessionEnded, sessionEnded])
    expect([other.closedWith, otherOfSameUser.closedWith]).toEqual([undefined, undefined])
    expect(guard.size).toBe(2)
  })

  test('after its session ended, a socket passes no message to the application', () => {
    const socket = held()
    const heard: string[] = []
    socket.on('message', (text: string) => heard.push(text))
    verifier.end(sid(1))
    socket.emit('message', 'one more thing')
    expect(heard).toEqual([])
  })

  test('a socket that throws on close is cut off, and the others are closed', () => {
    const sockets = [new FakeSocket(), new ThrowingSocket(), new FakeSocket()]
    for (const socket of sockets) held({}, socket)
    verifier.end(sid(1))
    expect(sockets.map((socket) => socket.closedWith)).toEqual([sessionEnded, undefined, sessionEnded])
    expect(sockets.map((socket) => socket.terminated)).toEqual([false, true, false])
    expect(guard.size).toBe(0)
  })

  test('a socket that closed during the closing of its session is not closed again', () => {
    const first = held()
    const second = held()
    first.close = () => second.emit('close')
    verifier.end(sid(1))
    expect(second.closedWith).toBeUndefined()
  })
})

describe('when a token runs out', () => {
  test('a socket closes with 4408 at exp by the service’s time, and not before', () => {
    const socket = held({ exp: noon + 600 })
    pass(599_999)
    expect(socket.closedWith).toBeUndefined()
    pass(1)
    expect(socket.closedWith).toEqual(tokenExpired)
  })

  test('each socket closes at its own expiry, whatever the order of arrival', () => {
    const late = held({ exp: noon + 30 })
    const early = held({ exp: noon + 2 })
    const alike = held({ exp: noon + 2, sid: sid(2) })
    pass(2_000)
    expect([late, early, alike].map((socket) => socket.closedWith)).toEqual([
      undefined,
      tokenExpired,
      tokenExpired,
    ])
    pass(28_000)
    expect(late.closedWith).toEqual(tokenExpired)
  })

  test('a corrected service time changes the expiry of sockets within five seconds', () => {
    const socket = held({ exp: noon + 600 })
    verifier.now += 700
    pass(5_000)
    expect(socket.closedWith).toEqual(tokenExpired)
  })

  test('a socket stays open longer if the service’s time turns out to be behind', () => {
    const socket = held({ exp: noon + 2 })
    verifier.now -= 60
    pass(61_000)
    expect(socket.closedWith).toBeUndefined()
    pass(1_000)
    expect(socket.closedWith).toEqual(tokenExpired)
  })

  test('the socket guard never sets a timer longer than setTimeout allows', () => {
    const socket = held({ exp: noon + 400 * 86_400 })
    expect(Math.max(...timers.longest)).toBeLessThan(2 ** 31)
    expect(socket.closedWith).toBeUndefined()
  })

  test('the socket guard has one timer for all sockets, and none without sockets', () => {
    const sockets = Array.from({ length: 50 }, (_, i) => held({ exp: noon + 50 - i }))
    expect(timers.pending).toBe(1)
    for (const socket of sockets) socket.emit('close')
    pass(5_000)
    expect(timers.pending).toBe(0)
  })
})

describe('when tokens are outdated', () => {
  test('only sockets accepted with outdated tokens are closed with 4408', () => {
    const [old, older] = [held({ gen: 3 }), held({ gen: 0 })]
    const [newer, other] = [held({ gen: 4 }), held({ sid: sid(2), gen: 3 })]
    verifier.outdate(sid(1), 3)
    expect([old, older].map((socket) => socket.closedWith)).toEqual([tokenOutdated, tokenOutdated])
    expect([newer, other].map((socket) => socket.closedWith)).toEqual([undefined, undefined])
    expect(guard.size).toBe(2)
  })

  test('a socket renewed with a newer token stays open when older ones are outdated', async () => {
    const socket = held({ gen: 3 })
    verifier.tokens.set('newer', someClaims({ gen: 4 }))
    await guard.renew(socket, 'newer')
    verifier.outdate(sid(1), 3)
    expect(socket.closedWith).toBeUndefined()
    verifier.outdate(sid(1), 4)
    expect(socket.closedWith).toEqual(tokenOutdated)
  })

  test('renewal with an older token does not make a socket outdated', async () => {
    const socket = held({ gen: 4 })
    verifier.tokens.set('older', someClaims({ gen: 3, exp: noon + 900 }))
    await guard.renew(socket, 'older')
    verifier.outdate(sid(1), 3)
    expect(socket.closedWith).toBeUndefined()
  })

  test('a socket whose ticket was redeemed after a change of roles stays open', () => {
    verifier.outdate(sid(1), 3)
    const claims = someClaims({ gen: 3 })
    verifier.current.add(claims)
    const socket = new FakeSocket()
    guard.hold(socket, claims)
    verifier.outdate(sid(2), 3)
    verifier.current.add(claims)
    expect(socket.closedWith).toBeUndefined()
    // Once more, and nobody has refreshed since.
    verifier.outdate(sid(1), 3)
    expect(socket.closedWith).toEqual(tokenOutdated)
  })
})

describe('when the verifier is stale and refuses', () => {
  test('a stale verifier that refuses closes all sockets with 4503', () => {
    const sockets = [held({ sid: sid(1) }), held({ sid: sid(2) })]
    verifier.goStale()
    expect(sockets.map((socket) => socket.closedWith)).toEqual([tryLater, tryLater])
    expect(guard.size).toBe(0)
  })

  test('a stale verifier that does not refuse keeps its sockets', () => {
    const socket = held()
    verifier.isRefusing = () => false
    verifier.goStale()
    expect(socket.closedWith).toBeUndefined()
  })
})

describe('what happened between the check of the token and hold()', () => {
  test('hold() closes a socket whose session ended since the check', () => {
    verifier.end(sid(1))
    expect(held().closedWith).toEqual(sessionEnded)
  })

  test('hold() closes a socket whose session may have been forgotten while a clock was ahead', () => {
    verifier.forgotten = (noon + 600) * 1000
    expect(held({ exp: noon + 600 }).closedWith).toEqual(tokenExpired)
    expect(held({ exp: noon + 601 }).closedWith).toBeUndefined()
  })

  test('hold() closes a socket whose token expired since the check', () => {
    expect(held({ exp: noon }).closedWith).toEqual(tokenExpired)
  })

  test('hold() closes a socket whose token was outdated since the check', () => {
    verifier.outdate(sid(1), 3)
    expect(held({ gen: 3 }).closedWith).toEqual(tokenOutdated)
    expect(held({ gen: 4 }).closedWith).toBeUndefined()
  })

  test('hold() closes a socket if the verifier became stale since the check', () => {
    verifier.goStale()
    expect(held().closedWith).toEqual(tryLater)
  })

  test('hold() reports the end of the session if there are several reasons', () => {
    verifier.end(sid(1))
    verifier.outdate(sid(1), 3)
    verifier.goStale()
    expect(held({ exp: noon }).closedWith).toEqual(sessionEnded)
  })
})

describe('renewal', () => {
  test('a renewed socket closes when the new token expires', async () => {
    const socket = held({ exp: noon + 60 })
    verifier.tokens.set('newer', someClaims({ exp: noon + 660, gen: 1 }))
    await expect(guard.renew(socket, 'newer')).resolves.toMatchObject({ gen: 1 })
    pass(659_000)
    expect(socket.closedWith).toBeUndefined()
    pass(1_000)
    expect(socket.closedWith).toEqual(tokenExpired)
  })

  test('renewal with a token that expires earlier keeps the later expiry', async () => {
    const socket = held({ exp: noon + 60 })
    verifier.tokens.set('older', someClaims({ exp: noon + 30 }))
    await guard.renew(socket, 'older')
    pass(59_000)
    expect(socket.closedWith).toBeUndefined()
  })

  test.each([
    ['session', { sid: sid(2) }],
    ['user', { user_id: 8, sub: '8' }],
  ])('renewal with a token of another %s is refused and changes nothing', async (_, changes) => {
    const socket = held({ exp: noon + 60 })
    verifier.tokens.set('foreign', someClaims({ exp: noon + 660, ...changes }))
    await expect(guard.renew(socket, 'foreign')).rejects.toMatchObject({ code: 'invalid_claims' })
    expect(socket.closedWith).toBeUndefined()
    pass(60_000)
    expect(socket.closedWith).toEqual(tokenExpired)
  })

  test('renewal with a refused token rejects with its error and changes nothing', async () => {
    const socket = held()
    await expect(guard.renew(socket, 'forged')).rejects.toMatchObject({ code: 'bad_signature' })
    expect(socket.closedWith).toBeUndefined()
  })

  test('renewal does not bring back a socket that closed during the check', async () => {
    const socket = held({ exp: noon + 5 })
    verifier.tokens.set('newer', someClaims({ exp: noon + 660 }))
    const { promise, resolve } = Promise.withResolvers<undefined>()
    verifier.pause = promise
    const renewed = guard.renew(socket, 'newer')
    pass(5_000)
    resolve(undefined)
    await expect(renewed).rejects.toMatchObject({ code: 'expired' })
    expect(socket.closedWith).toEqual(tokenExpired)
    expect(guard.size).toBe(0)
  })

  test('a renewed socket still closes when its session ends', async () => {
    const socket = held()
    verifier.tokens.set('newer', someClaims({ exp: noon + 660 }))
    await guard.renew(socket, 'newer')
    verifier.end(sid(1))
    expect(socket.closedWith).toEqual(sessionEnded)
  })

  test('renewal of a socket that was never held is refused', async () => {
    verifier.tokens.set('good', someClaims())
    await expect(guard.renew(new FakeSocket(), 'good')).rejects.toMatchObject({ code: 'expired' })
  })
})

describe('letting go', () => {
  test('a socket that closes by itself is released', () => {
    const socket = held()
    socket.emit('close')
    expect(guard.size).toBe(0)
    verifier.end(sid(1))
    expect(socket.closedWith).toBeUndefined()
  })

  test('a released socket is not closed any more', () => {
    const socket = held()
    guard.release(socket)
    expect(guard.size).toBe(0)
    verifier.end(sid(1))
    pass(600_000)
    expect(socket.closedWith).toBeUndefined()
  })

  test('a socket that is held again has only its new claims', () => {
    const socket = held({ sid: sid(1) })
    held({ sid: sid(2) }, socket)
    expect([guard.size, socket.listenerCount('close')]).toEqual([1, 1])
    verifier.end(sid(1))
    expect(socket.closedWith).toBeUndefined()
    verifier.end(sid(2))
    expect(socket.closedWith).toEqual(sessionEnded)
  })

  test('the socket guard keeps no data of a closed socket', async () => {
    // Held twice, renewed and closed, released, and gone by itself: every way out.
    verifier.tokens.set('newer', someClaims({ exp: noon + 660 }))
    const gone = await (async () => {
      const [closed, released, left] = [held(), held(), held()]
      held({ sid: sid(2), exp: noon + 900 }, left)
      await guard.renew(closed, 'newer')
      guard.release(released)
      verifier.end(sid(1))
      closed.emit('close')
      left.emit('close')
      return [closed, released, left].map((socket) => new WeakRef(socket))
    })()
    await new Promise((resolve) => setImmediate(resolve))
    collectGarbage()
    expect(gone.map((socket) => socket.deref())).toEqual([undefined, undefined, undefined])
  })

  test('a socket that is being closed cannot be held again', () => {
    const socket = held({ sid: sid(1) })
    verifier.end(sid(1))
    held({ sid: sid(2) }, socket)
    expect(guard.size).toBe(0)
    pass(5_000)
    expect(socket.terminated).toBe(true)
  })
})

describe('when the verifier closes', () => {
  test('a verifier that closes closes its sockets with 4503', () => {
    const [one, two] = [held({ sid: sid(1) }), held({ sid: sid(2) })]
    void verifier.close()
    expect([one.closedWith, two.closedWith]).toEqual([tryLater, tryLater])
    one.emit('close')
    pass(60_000)
    expect([one.terminated, two.terminated, timers.pending]).toEqual([false, true, 0])
  })

  test('a socket that is held with a closed verifier closes with 4503', () => {
    void verifier.close(false)
    expect(held().closedWith).toEqual(tryLater)
    expect(guard.size).toBe(0)
  })

  test('a closed verifier that accepts while stale lets go of its sockets', () => {
    const socket = held({ exp: noon + 600 })
    void verifier.close(false)
    expect([guard.size, timers.pending]).toEqual([0, 0])
    pass(600_000)
    expect(socket.closedWith).toBeUndefined()
  })
})

describe('the closing handshake', () => {
  test('a socket that does not complete the closing handshake in 5 seconds is cut off', () => {
    const socket = held()
    verifier.end(sid(1))
    pass(4_999)
    expect(socket.terminated).toBe(false)
    pass(1)
    expect(socket.terminated).toBe(true)
  })

  test('a socket that completed the closing handshake is not cut off', () => {
    const socket = held()
    verifier.end(sid(1))
    socket.emit('close')
    pass(60_000)
    expect(socket.terminated).toBe(false)
    expect(timers.pending).toBe(0)
  })

  test('a socket without terminate() is closed without it', () => {
    const emitter = new EventEmitter()
    const socket: GuardedSocket = { close: () => undefined, once: emitter.once.bind(emitter) }
    guard.hold(socket, someClaims())
    verifier.end(sid(1))
    expect(() => pass(5_000)).not.toThrow()
  })
})

describe('closing 10,000 sockets', () => {
  const crowd = (): FakeSocket[] => Array.from({ length: 10_000 }, (_, i) => held({ sid: sid(i) }))
  const closedAmong = (sockets: FakeSocket[]): number =>
    sockets.filter((socket) => socket.closedWith?.code === 4503).length

  test('closing 10,000 sockets yields to other work and closes each of them', () => {
    const sockets = crowd()
    verifier.goStale()
    const counts = [closedAmong(sockets)]
    timers.pass(0, () => counts.push(closedAmong(sockets)))
    expect(counts.slice(0, 3)).toEqual([200, 200, 400])
    expect(closedAmong(sockets)).toBe(10_000)
  })

  test('the five seconds of the closing handshake begin with each socket’s own close frame', () => {
    crowd()
    verifier.goStale()
    // One for each of the first 200, one for the next turn, one that watches the tokens.
    expect(timers.pending).toBe(202)
  })

  test('all sockets stop receiving messages before the first close frame is sent', () => {
    const sockets = crowd()
    const heard: FakeSocket[] = []
    for (const socket of sockets) socket.on('message', () => heard.push(socket))
    verifier.goStale()
    for (const socket of sockets) socket.emit('message', 'one more thing')
    expect([heard, guard.size]).toEqual([[], 0])
  })
})

test('the timers of the socket guard do not keep the process alive', () => {
  const before = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const unheld = createSocketGuard(verifier)
  unheld.hold(new FakeSocket(), someClaims({ exp: noon + 3 }))
  unheld.hold(new ThrowingSocket(), someClaims({ exp: noon }))
  unheld.hold(new FakeSocket(), someClaims({ exp: noon }))
  const after = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  expect(after).toBe(before)
})
