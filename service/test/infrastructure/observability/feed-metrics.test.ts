import { describe, expect, test } from 'vitest'
import type { LoggedRevocation } from '../../../src/application/ports/revocation-log.ts'
import type { RevocationFeed } from '../../../src/application/revocations/revocation-feed.ts'
import type { DomainEvent } from '../../../src/domain/event.ts'
import { FeedMetrics } from '../../../src/infrastructure/observability/feed-metrics.ts'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'

const ended = (session_id: string, reason = 'signed_out') =>
  ({ type: 'session.ended', data: { session_id, reason } }) as DomainEvent
const revoked = (sessionId: string) => [{ sessionId }] as unknown as readonly LoggedRevocation[]

const setUp = () => {
  const metrics = createMetrics()
  let nowMs = 1_000
  const feedMetrics = new FeedMetrics(metrics.meter, () => nowMs)
  let isDown = false
  let tell: (revocations: readonly LoggedRevocation[]) => void = () => undefined
  const log = {
    catchUp: () =>
      isDown ? Promise.reject(new Error('down')) : Promise.resolve({ seq: 0, asOf: new Date(0) }),
    listen: (listener: { revoked: typeof tell }) => (tell = listener.revoked),
  } as unknown as RevocationFeed
  const feed = feedMetrics.observeFeed(log)
  feed.listen({ revoked: () => undefined, restarted: () => undefined })
  return {
    feed,
    feedMetrics,
    pass: (ms: number) => (nowMs += ms),
    goDown: () => (isDown = true),
    tell: (sessionId: string) => tell(revoked(sessionId)),
    delivery: async () => {
      const text = await metrics.text()
      const read = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1] ?? 0)
      return {
        count: read('chat_auth_feed_delivery_seconds_count'),
        sum: read('chat_auth_feed_delivery_seconds_sum'),
      }
    },
  }
}

describe('staleness', () => {
  test('feed staleness is the time since the last successful read began', async () => {
    const { feed, feedMetrics, pass, goDown } = setUp()
    pass(4_000)
    expect(feedMetrics.stalenessSeconds()).toBe(4)
    const reading = feed.catchUp()
    pass(500)
    await reading
    expect(feedMetrics.stalenessSeconds()).toBe(0.5)
    goDown()
    pass(1_000)
    await expect(feed.catchUp()).rejects.toThrow('down')
    expect(feedMetrics.stalenessSeconds()).toBe(1.5)
  })
})

describe('the delivery time of a session end', () => {
  test('the delivery of a session end is timed once, from its commit on this instance', async () => {
    const { feedMetrics, pass, tell, delivery } = setUp()
    feedMetrics.committed([ended('a'), ended('b')])
    pass(250)
    tell('a')
    tell('a')
    tell('of another instance')
    expect(await delivery()).toEqual({ count: 1, sum: 0.25 })
  })

  test('the delivery of an expired session is not timed', async () => {
    const { feedMetrics, tell, delivery } = setUp()
    feedMetrics.committed([ended('a', 'expired')])
    tell('a')
    expect(await delivery()).toEqual({ count: 0, sum: 0 })
  })

  test('the oldest pending ends are forgotten if too many never arrive', async () => {
    const { feedMetrics, tell, delivery } = setUp()
    const sessions = Array.from({ length: 10_001 }, (_, at) => `session ${at}`)
    feedMetrics.committed(sessions.map((id) => ended(id)))
    tell('session 0')
    tell('session 1')
    expect((await delivery()).count).toBe(1)
  })
})
