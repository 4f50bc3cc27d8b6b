import type { Health } from '../interface-adapters/http/service-routes.ts'

/** Verifiers trust what they know for so long (`maxStaleness`), unless they are told otherwise. */
const STALE_SECONDS = 5

/** Also not ready while the revocation log cannot be read: those who verify by this instance would refuse everybody. */
export const withFeed = (health: Health, stalenessSeconds: () => number): Health => ({
  check: async () => {
    const { isReady, checks } = await health.check()
    const seconds = stalenessSeconds()
    const isFresh = seconds <= STALE_SECONDS
    const feed = isFresh ? 'ok' : `last read ${seconds.toFixed(0)} s ago`
    return { isReady: isReady && isFresh, checks: { ...checks, feed } }
  },
})
