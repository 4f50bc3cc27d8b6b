/** How often something may be tried; see application/attempt-budgets.ts. */
export interface AttemptBudget {
  /** What is counted, such as `sign-in:account:ann`. Stored as a digest only: people type passwords as names. */
  readonly key: string
  /** Attempts that nobody has to wait for; at least 1. */
  readonly free: number
  /** The wait before the first attempt past them; it doubles with each further one … */
  readonly firstDelaySeconds: number
  /** … up to this. */
  readonly longestDelaySeconds: number
  /** After so long without an attempt all is forgotten. */
  readonly forgetAfterSeconds: number
}

/** Counts attempts for all instances together. */
export interface AttemptLimits {
  /**
   * Counts an attempt against each budget before it is made, atomically: of any number of parallel attempts no more
   * get through than the budget allows. Throws `too_many_attempts` with the wait when one of them is used up; it counts
   * against those before that one, and not against it or those after.
   */
  take(budgets: readonly AttemptBudget[], now: Date): Promise<void>

  /** The attempt was rightful: gives it back. */
  giveBack(budgets: readonly AttemptBudget[]): Promise<void>

  /** The person proved who they are: forgets all attempts counted against the budget. */
  clear(budget: AttemptBudget): Promise<void>

  /** Removes up to `limit` budgets that are forgotten; answers how many it removed. */
  removeForgotten(now: Date, limit: number): Promise<number>
}
