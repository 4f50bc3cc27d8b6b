import type { Clock } from './clock.ts'
import { FeedState } from './feed-state.ts'
import { Feed } from './feed.ts'
import { Freshness } from './freshness.ts'
import { Listeners } from './listeners.ts'
import type { Settings } from './options.ts'
import { RevokedSessions, type OutdatedTokens } from './revoked-sessions.ts'
import { ServiceTime } from './service-time.ts'
import type { SessionEnd } from './types.ts'

interface EndedSessionsDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly hasKeys: () => boolean
  readonly onError: (error: Error) => void
}

/** What the feed tells: which sessions have ended, which tokens are outdated, how late it is at the service, and how old all that may be. */
export class EndedSessions {
  readonly freshness: Freshness
  readonly feed: Feed
  readonly onEnd: Listeners<[SessionEnd]>
  readonly onOutdated: Listeners<[sid: string]>
  readonly onStale: Listeners<[]>
  readonly #clock: Clock
  readonly #time: ServiceTime
  readonly #revoked = new RevokedSessions()

  constructor({ settings, clock, hasKeys, onError }: EndedSessionsDeps) {
    const { base, serviceKey, maxStalenessMs } = settings
    this.onEnd = new Listeners(onError)
    this.onOutdated = new Listeners(onError)
    this.onStale = new Listeners(onError)
    this.#clock = clock
    this.#time = new ServiceTime(maxStalenessMs)
    this.freshness = new Freshness({
      clock,
      time: this.#time,
      maxStalenessMs,
      hasKeys,
      onStale: this.onStale,
    })
    this.feed = new Feed({
      url: new URL('v1/revocations/stream', base),
      serviceKey,
      maxStalenessMs,
      clock,
      time: this.#time,
      state: new FeedState(this.#revoked, this.#time, {
        onEnd: (end) => this.onEnd.tell(end),
        onOutdated: (sid) => this.onOutdated.tell(sid),
      }),
      onProgress: () => this.freshness.update(),
      onError,
    })
  }

  get count(): number {
    return this.#revoked.size
  }

  get outdatedCount(): number {
    return this.#revoked.outdatedCount
  }

  /** The place of the last news of outdated tokens: what comes later has a higher one. */
  get lastOutdatedPlace(): number {
    return this.#revoked.lastPlace
  }

  /** Which tokens of a session that goes on are refused. */
  outdatedTokensOf(sid: string): OutdatedTokens | undefined {
    return this.#revoked.outdatedTokensOf(sid)
  }

  reasonOf(sid: string): string | undefined {
    return this.#revoked.reasonOf(sid)
  }

  /** Epoch milliseconds by the service's clock; undefined before it has told. */
  serviceTimeMs(): number | undefined {
    return this.#time.now(this.#clock.monotonicMs())
  }

  stalenessMs(): number {
    return this.#time.stalenessMs(this.#clock.monotonicMs())
  }

  isFresh(): boolean {
    return this.freshness.isFresh(this.#clock.monotonicMs())
  }

  /** Tokens that expire up to here (epoch milliseconds) have expired, even if the service's clock is set back. */
  get forgottenUpTo(): number {
    return this.#revoked.forgottenUpTo
  }

  close(): void {
    this.feed.close()
    this.freshness.close()
    this.onEnd.clear()
    this.onOutdated.clear()
    this.onStale.clear()
  }
}
