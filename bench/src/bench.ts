import type { Plot } from './plot.ts'

/** One line of the table: what was promised, what was found, and what it is held against. */
export interface Finding {
  readonly promise: string
  readonly figure: string
  /** The limit, or what a peer reached in the same run. */
  readonly against: string
  /** The figure divided by what it is held against. */
  readonly ratio?: number
  /** Left out where nothing was promised. */
  readonly isKept?: boolean
  /** Shown in its row when the promise was missed, and not otherwise. */
  readonly whyNot?: string
}

export interface Outcome {
  readonly findings: readonly Finding[]
  /** Everything measured, for those who want to look closer. */
  readonly figures: unknown
  readonly plots: readonly Plot[]
  /** Where the bench had one of its own. */
  readonly postgres?: string
}

export interface Bench {
  readonly what: string
  /** After so long it is ended from outside and counts as failed. */
  readonly limitSeconds: number
  /** Rejects when something did not work. A figure that is worse than promised is no such thing. */
  run(note: (progress: string) => void): Promise<Outcome>
}
