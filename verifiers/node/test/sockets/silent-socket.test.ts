// uWebSockets.js is not on the npm registry. The class below has the documented shape of its sockets.
import { describe, expect, test } from 'vitest'
import { createSocketGuard } from '../../src/sockets/socket-guard.ts'
import type { SilentSocket } from '../../src/socket-types.ts'
import { FakeVerifier, noon, sid, someClaims } from '../adapters/fake-verifier.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** Throws after its end, and has neither events nor a state. */
class UwsSocket implements SilentSocket {
  readonly ends: [number, string][] = []
  isCut = false
  #isClosed = false

  end(code: number, reason: string): void {
    if (this.#isClosed) throw new Error('Invalid access of closed uWS.WebSocket/SSLWebSocket.')
    this.ends.push([code, reason])
  }

  close(): void {
    if (this.#isClosed) throw new Error('Invalid access of closed uWS.WebSocket/SSLWebSocket.')
    this.isCut = true
    this.#isClosed = true
  }

  /** As the server does when the client has completed the closing handshake. */
  closes(): void {
    this.#isClosed = true
  }
}

function start() {
  const [verifier, timers] = [new FakeVerifier(), new ManualClock()]
  return { verifier, timers, guard: createSocketGuard(verifier, timers) }
}

describe('a socket of uWebSockets.js', () => {
  test('a silent socket gets the close code of the end of its session', () => {
    const { verifier, guard } = start()
    const [ending, staying] = [new UwsSocket(), new UwsSocket()]
    guard.hold(ending, someClaims({ sid: sid(1) }))
    guard.hold(staying, someClaims({ sid: sid(2) }))
    verifier.end(sid(1))
    expect([ending.ends, staying.ends]).toEqual([[[4401, 'session ended']], []])
    expect(guard.size).toBe(1)
  })

  test('a silent socket of a session that ended before is closed while it is held', () => {
    const { verifier, guard } = start()
    verifier.end(sid(1))
    const socket = new UwsSocket()
    guard.hold(socket, someClaims())
    expect(socket.ends).toEqual([[4401, 'session ended']])
    expect(guard.size).toBe(0)
  })

  test('a silent socket is renewed, and closes when its newer token expires', async () => {
    const { verifier, timers, guard } = start()
    const socket = new UwsSocket()
    verifier.tokens.set('newer', someClaims({ gen: 1, exp: noon + 1200 }))
    guard.hold(socket, someClaims())
    await guard.renew(socket, 'newer')
    verifier.now = noon + 1199
    timers.pass(5_000)
    expect(socket.ends).toEqual([])
    verifier.now = noon + 1200
    timers.pass(5_000)
    expect(socket.ends).toEqual([[4408, 'token expired']])
  })

  test('thousands of silent sockets end immediately, since nothing else stops their messages', () => {
    const { verifier, guard } = start()
    const sockets = Array.from({ length: 1000 }, () => new UwsSocket())
    for (const socket of sockets) guard.hold(socket, someClaims())
    verifier.goStale()
    expect(sockets.every(({ ends }) => ends.length === 1)).toBe(true)
  })

  test('a silent socket that does not close within 5 s is cut off', () => {
    const { verifier, timers, guard } = start()
    const socket = new UwsSocket()
    guard.hold(socket, someClaims())
    verifier.end(sid(1))
    timers.pass(4_999)
    expect(socket.isCut).toBe(false)
    timers.pass(1)
    expect(socket.isCut).toBe(true)
  })

  test('a silent socket that was released is not touched again', () => {
    const { verifier, timers, guard } = start()
    const [closing, closed] = [new UwsSocket(), new UwsSocket()]
    guard.hold(closing, someClaims({ sid: sid(1) }))
    guard.hold(closed, someClaims({ sid: sid(2) }))
    verifier.end(sid(1))
    guard.release(closing)
    guard.release(closed)
    verifier.end(sid(2))
    timers.pass(10_000)
    expect([closing.isCut, closed.ends, guard.size]).toEqual([false, [], 0])
  })

  test('a silent socket that is closed without a word does not keep the others open', () => {
    const { verifier, guard } = start()
    const [gone, other] = [new UwsSocket(), new UwsSocket()]
    for (const socket of [gone, other]) guard.hold(socket, someClaims())
    gone.closes()
    verifier.end(sid(1))
    expect(other.ends).toEqual([[4401, 'session ended']])
  })
})
