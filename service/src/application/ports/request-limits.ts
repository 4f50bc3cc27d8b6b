/** How many requests of a kind are accepted in one minute; see application/request-limits.ts. */
export interface RequestLimit {
  readonly key: string
  readonly perMinute: number
}

/**
 * Counts requests at this instance only, because a write to the database would cost more than the request. With several
 * instances a caller gets this many at each. So it limits load; AttemptLimits guards secrets.
 */
export interface RequestLimits {
  /** Throws `too_many_attempts` with the seconds until the minute is over. */
  count(limit: RequestLimit, now: Date): void
}
