/** How often something may be tried; see application/attempt-budgets.ts. */
export interface AttemptBudget {
  /** The thing that is counted, such as `sign-in:account:ann`. Stored as a digest only, since users type passwords as names. */
  readonly key: string
  /** Attempts without a wait; at least 1. */
  readonly free: number
  /** The wait after the free attempts. It doubles with each further attempt. */
  readonly firstDelaySeconds: number
  /** The longest wait. */
  readonly longestDelaySeconds: number
  /** The count is reset after this many seconds without an attempt. */
  readonly forgetAfterSeconds: number
}

/** Counts attempts for all instances together. */
export interface AttemptLimits {
  /**
   * Counts an attempt against each budget before it is made. It is atomic: parallel attempts never exceed a budget. If
   * a budget is used up, it counts against none and throws `too_many_attempts` with the longest wait. A refused attempt
   * writes nothing, so a flood costs one read per attempt.
   */
  take(budgets: readonly AttemptBudget[], now: Date): Promise<void>

  /**
   * Gives back the attempt taken at `takenAt`, because it succeeded or was never made. The wait that it began is over,
   * and it no longer prolongs the memory of the attempts before it. A wait that a later attempt began continues if the
   * free attempts are still used up.
   */
  giveBack(budgets: readonly AttemptBudget[], takenAt: Date): Promise<void>

  /** Forgets all attempts of the budget. Called when the user has authenticated. */
  reset(budget: AttemptBudget): Promise<void>

  /** Removes up to `limit` budgets whose count was reset. Returns how many. */
  removeForgotten(now: Date, limit: number): Promise<number>
}
