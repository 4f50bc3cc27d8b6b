// One of three instances hangs: SIGSTOP, as a paused virtual machine or a lost network does it.
import { expect, onTestFinished, test } from 'vitest'
import {
  ACCEPTED,
  connect,
  endedAs,
  heartbeat,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
  verdictOn,
  waitUntil,
} from '../../../end-to-end/connected.ts'
import { silenceLimitMs } from '../../../verifiers/node/src/feed/feed-connection.ts'
import { nginxConfiguration } from '../support/nginx.ts'
import { startCluster } from './cluster.ts'

const VERIFIERS = 10
const SOCKETS = 100

/** In nginx's spelling: 15s, 1500ms. */
const milliseconds = (text = ''): number => Number.parseFloat(text) * (text.endsWith('ms') ? 1 : 1_000)

const timeoutOf = (location: string): number => {
  const block = nginxConfiguration.split(`location ${location}`)[1]?.split('}')[0]
  return milliseconds(/proxy_read_timeout (\w+);/.exec(block ?? '')?.[1])
}

test('nginx gives up a silent instance before the verifiers do', { tags: ['VERIFIER-2'] }, () => {
  const [heartbeatMs, firstRetryMs, callLimitMs, maxStalenessMs] = [1_000, 100, 2_000, 5_000]
  const connectMs = milliseconds(/proxy_connect_timeout (\w+);/.exec(nginxConfiguration)?.[1])
  const streamMs = timeoutOf('= /v1/revocations/stream {')
  expect(streamMs).toBeGreaterThan(heartbeatMs)
  expect(streamMs).toBeLessThan(silenceLimitMs(maxStalenessMs))
  // The reconnection may lead to the silent instance once more, and then to one that is down.
  expect(2 * streamMs + firstRetryMs + connectMs).toBeLessThan(maxStalenessMs)
  expect(timeoutOf('~ ^/(v1/introspect')).toBeLessThan(callLimitMs)
  // Also with the least maxStalenessMs.
  for (const least of [2_000, 2_001, 3_000]) {
    expect(silenceLimitMs(least)).toBeGreaterThan(heartbeatMs)
    expect(silenceLimitMs(least)).toBeLessThan(least)
  }
})

test(
  'while an instance is frozen behind nginx, no socket closes and every end arrives',
  { tags: ['VERIFIER-2'], timeout: 200_000 },
  async () => {
    const cluster = await startCluster()
    onTestFinished(cluster.stop)
    const [first] = cluster.instances
    const living = await signedIn(first?.process ?? expect.fail())
    const verifiers = await Promise.all(
      Array.from({ length: VERIFIERS }, () => connect(cluster.internal, { maxStalenessMs: undefined })),
    )
    const closings: number[] = []
    const guards = verifiers.map((verifier) => verifier.guardSockets())
    const claims = await Promise.all(verifiers.map((each) => each.verify(living.tokens.access_token)))
    for (let socket = 0; socket < SOCKETS; socket += 1) {
      const at = socket % VERIFIERS
      guards[at]?.hold(
        { close: (code) => closings.push(code), once: () => undefined },
        claims[at] ?? expect.fail(),
      )
    }
    const told = verifiers.map((verifier) => new ReportedEnds(verifier))
    const reconnects = () => verifiers.reduce((sum, verifier) => sum + verifier.health().feedReconnects, 0)

    for (const [at, frozen] of cluster.instances.entries()) {
      const healthy = cluster.instances[(at + 1) % 3]?.process ?? expect.fail()
      const ending = await signedIn(healthy)
      const tickets = await Promise.all(
        verifiers.map(async () => {
          const { body } = await living.client.post('/v1/tickets', {}, living.tokens.access_token)
          return (body as { ticket: string }).ticket
        }),
      )
      const before = reconnects()
      process.kill(frozen.process.pid, 'SIGSTOP')
      try {
        // Some calls go to the frozen instance first.
        const redeemed = verifiers.map((verifier, index) =>
          verdictOn(verifier.redeemTicket(tickets[index] ?? '')),
        )
        expect(await Promise.all(redeemed)).toEqual(verifiers.map(() => ACCEPTED))
        await waitUntil(() => reconnects() > before)
        await signOut(ending)
        await Promise.all(told.map((each) => each.of(ending.tokens.session.id)))
        // As long as knowledge may be old, so that a verifier left behind would have become stale.
        for (let second = 0; second < 6; second += 1) await Promise.all(verifiers.map(heartbeat))
        for (const verifier of verifiers) {
          expect(await verdictOnToken(verifier, ending.tokens)).toBe(endedAs('signed_out'))
          expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
        }
      } finally {
        process.kill(frozen.process.pid, 'SIGCONT')
      }
      expect(closings).toEqual([])
    }
    expect(guards.reduce((sum, guard) => sum + guard.size, 0)).toBe(SOCKETS)
  },
)
