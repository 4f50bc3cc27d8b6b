import type { Clock } from '../clock.ts'
import type { Settings } from '../options.ts'
import type { Claims, SessionEnd } from '../token-types.ts'
import { FeedReader } from './feed-reader.ts'
import { FeedState, type OutdatedSubject } from './feed-state.ts'
import { Freshness } from './freshness.ts'
import { RevocationStore } from './revocation-store.ts'
import { ServiceTime } from './service-time.ts'
import { Subscribers } from './subscribers.ts'

interface RevocationFeedDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly hasKeys: () => boolean
  readonly onError: (error: Error) => void
  readonly onAccepted: () => void
  readonly onRefused: (error: Error) => void
}

/** Everything known from the revocation feed: ended sessions, outdated tokens, the service's time, and its age. */
export class RevocationFeed {
  readonly freshness: Freshness
  readonly onEnd: Subscribers<[SessionEnd]>
  readonly onOutdated: Subscribers<[OutdatedSubject]>
  readonly onStale: Subscribers<[]>
  readonly #clock: Clock
  readonly #time: ServiceTime
  readonly #store = new RevocationStore()
  readonly #reader: FeedReader

  constructor({ settings, clock, hasKeys, onError, onAccepted, onRefused }: RevocationFeedDeps) {
    const { base, serviceKey, maxStalenessMs } = settings
    this.onEnd = new Subscribers(onError)
    this.onOutdated = new Subscribers(onError)
    this.onStale = new Subscribers(onError)
    this.#clock = clock
    this.#time = new ServiceTime(maxStalenessMs)
    this.freshness = new Freshness({
      clock,
      time: this.#time,
      maxStalenessMs,
      hasKeys,
      onStale: this.onStale,
    })
    this.#reader = new FeedReader({
      url: new URL('v1/revocations/stream', base),
      serviceKey,
      maxStalenessMs,
      clock,
      time: this.#time,
      state: new FeedState(this.#store, this.#time, {
        onEnd: (end) => this.onEnd.notify(end),
        onOutdated: (subject) => this.onOutdated.notify(subject),
        onUnreadable: (problem) => onError(unreadable(problem)),
      }),
      onProgress: () => this.freshness.update(),
      onError,
      onAccepted,
      onRefused,
    })
  }

  open(): void {
    this.#reader.open()
  }

  get connected(): boolean {
    return this.#reader.connected
  }

  get reconnects(): number {
    return this.#reader.reconnects
  }

  get endedCount(): number {
    return this.#store.size
  }

  get outdatedCount(): number {
    return this.#store.outdatedCount
  }

  /** Grows with each change of outdated tokens. */
  get outdatedRevision(): number {
    return this.#store.revision
  }

  /** The revision of the last change because of which a token with these claims is outdated; undefined if none is. */
  revisionOutdating(claims: Claims): number | undefined {
    return this.#store.revisionOutdating(claims)
  }

  reasonOf(sid: string): string | undefined {
    return this.#store.reasonOf(sid)
  }

  /** Epoch milliseconds by the service's clock; undefined before the first event. */
  serviceTimeMs(): number | undefined {
    return this.#time.now(this.#clock.monotonicMs())
  }

  stalenessMs(): number {
    return this.#time.stalenessMs(this.#clock.monotonicMs())
  }

  isFresh(): boolean {
    return this.freshness.isFresh(this.#clock.monotonicMs())
  }

  /** Tokens that expire up to this time (epoch milliseconds) count as expired, even if the service's clock is set back. */
  get forgottenUpTo(): number {
    return this.#store.forgottenUpTo
  }

  close(): void {
    this.#reader.close()
    this.freshness.close()
    this.onEnd.clear()
    this.onOutdated.clear()
    this.onStale.clear()
  }
}

const unreadable = (problem: string): Error =>
  new Error(
    'A row of the revocation feed cannot be read. The tokens that its user has are refused until they are refreshed. ' +
      'If the auth service is newer, update @chat-auth/verifier.',
    { cause: new Error(problem) },
  )
