export const FINDING_STATUSES = ['ok', 'warning', 'failed'] as const

/** The result of a check. A check may have several. */
export interface Finding {
  readonly check: string
  readonly status: (typeof FINDING_STATUSES)[number]
  /** The measured values. */
  readonly detail: string
  /** The next step for the operator; undefined if there is nothing to do. */
  readonly advice?: string
}

/** Looks for mistakes in the set-up, and for problems since. */
export interface Doctor {
  examine(): Promise<readonly Finding[]>
}
