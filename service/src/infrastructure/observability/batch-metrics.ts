import type { Meter } from '@opentelemetry/api'

const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128]

/** Returns a function to call with the number of sessions that one statement refreshes. */
export function measureRefreshBatches(meter: Meter): (sessions: number) => void {
  const sizes = meter.createHistogram('chat_auth_refresh_batch_size', {
    description: 'Sessions that one statement refreshed or tried to refresh',
    advice: { explicitBucketBoundaries: BATCH_BUCKETS },
  })
  return (sessions) => sizes.record(sessions)
}
