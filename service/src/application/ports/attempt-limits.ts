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
  /** Throws as `take` would, and counts nothing: for attempts that should cost little while they are refused. */
  check(budgets: readonly AttemptBudget[], now: Date): Promise<void>

  /**
   * Counts an attempt against each budget before it is made, atomically: of any number of parallel attempts no more
   * get through than each budget allows. Throws `too_many_attempts` with the longest wait when any of them is used up;
   * then it counts against none. A refused attempt writes nothing, so that a flood of them costs one look each.
   */
  take(budgets: readonly AttemptBudget[], now: Date): Promise<void>

  /**
   * The attempt that was taken at `takenAt` was rightful, or was never made: gives it back. The wait it began is over; one
   * that a later attempt began goes on, as long as the free attempts are used up without the one given back.
   */
  giveBack(budgets: readonly AttemptBudget[], takenAt: Date): Promise<void>

  /**
   * The person proved who they are: forgets all attempts counted against `proven`, and gives back the one that was taken
   * from `others`, as `giveBack` does.
   */
  prove(proven: AttemptBudget, others: readonly AttemptBudget[], takenAt: Date): Promise<void>

  /** Removes up to `limit` budgets that are forgotten; answers how many it removed. */
  removeForgotten(now: Date, limit: number): Promise<number>
}
