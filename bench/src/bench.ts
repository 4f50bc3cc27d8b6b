import type { Plot } from './plot.ts'

/** One line of the table: the promise, the figure, and the limit or peer it is compared with. */
export interface Finding {
  readonly promise: string
  readonly figure: string
  /** The limit, or what a peer reached in the same run. */
  readonly against: string
  /** The figure divided by the limit, or by the peer's figure. */
  readonly ratio?: number
  /** Left out where nothing was promised. */
  readonly isKept?: boolean
  /** Shown in its row when the promise was missed, and not otherwise. */
  readonly whyNot?: string
}

export interface Outcome {
  readonly findings: readonly Finding[]
  /** Everything measured, for a closer look. */
  readonly figures: unknown
  readonly plots: readonly Plot[]
  /** The version of PostgreSQL, if the bench started one. */
  readonly postgres?: string
}

export interface Bench {
  readonly what: string
  /** A bench that runs longer is killed and counts as failed. */
  readonly limitSeconds: number
  /** Rejects when something failed. A figure worse than promised is a result, not a failure. */
  run(note: (progress: string) => void): Promise<Outcome>
}
