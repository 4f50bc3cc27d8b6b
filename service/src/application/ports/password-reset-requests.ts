/** Requests for a new password that nobody has looked at yet. */
export interface PasswordResetRequests {
  /** Stores one. The work is the same for every address. */
  add(emailKey: string, now: Date): Promise<void>
}

export interface PasswordResetRequestsInTransaction {
  /**
   * Removes the oldest requests, up to `limit`, and returns their addresses. Requests that another transaction holds are left to
   * it; they are back if it fails.
   */
  take(limit: number): Promise<readonly string[]>
}
