import type { RevocationFeed } from '../feed/revocation-feed.ts'
import type { Receipts } from '../service/receipts.ts'
import type { KeySource } from '../token/key-source.ts'
import type { Health } from '../types.ts'
import type { LocalVerifier } from './local-verifier.ts'

interface Parts {
  readonly feed: RevocationFeed
  readonly keys: KeySource
  readonly local: LocalVerifier
  readonly receipts: Receipts
}

export const describeHealth = ({ feed, keys, local, receipts }: Parts): Health => ({
  fresh: feed.isFresh(),
  stalenessMs: feed.stalenessMs(),
  connected: feed.connected,
  revokedCount: feed.endedCount,
  outdatedCount: feed.outdatedCount,
  keyCount: keys.size,
  cachedTokens: local.cachedCount,
  verified: local.counts.verified,
  cacheHits: local.counts.cacheHits,
  refused: local.counts.refused,
  feedReconnects: feed.reconnects,
  receipts: receipts.counts,
})
