import type { EndedSessions } from './ended-sessions.ts'
import type { KeySource } from './key-set.ts'
import type { LocalVerifier } from './local-verifier.ts'
import type { Receipts } from './receipts.ts'
import type { Health } from './types.ts'

interface Parts {
  readonly sessions: EndedSessions
  readonly keys: KeySource
  readonly local: LocalVerifier
  readonly receipts: Receipts
}

export const describeHealth = ({ sessions, keys, local, receipts }: Parts): Health => ({
  fresh: sessions.isFresh(),
  stalenessMs: sessions.stalenessMs(),
  connected: sessions.feed.connected,
  revokedCount: sessions.count,
  outdatedCount: sessions.outdatedCount,
  keyCount: keys.size,
  cachedTokens: local.rememberedCount,
  verified: local.counts.verified,
  cacheHits: local.counts.cacheHits,
  refused: local.counts.refused,
  feedReconnects: sessions.feed.reconnects,
  receipts: receipts.counts,
})
